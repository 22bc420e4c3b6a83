"""Setting single fields of a front matter without touching anything else: comments, order and quoting stay."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from aios.domain.front_matter import render_yaml, split


def set_fields(text: str, values: Mapping[str, str]) -> str:
    """The text with plain one-line values set, each in its place or, where it is new, at the end of the front matter.

    Raises ValueError where there is no front matter, or where a field to be changed holds more than one line.
    """
    head, _, line = split(text)
    if line == 1:
        raise ValueError("there is no front matter")
    start = text.index("\n") + 1
    for name, value in values.items():
        rendered = render_yaml({name: value})
        found = re.search(rf"^{re.escape(name)}:[^\n]*\n(?![ \t-])", head, re.MULTILINE)
        if found is None and re.search(rf"^{re.escape(name)}:", head, re.MULTILINE):
            raise ValueError(f"`{name}` holds more than one line")
        if found is None:
            head += rendered
        else:
            comment = re.search(r"[ \t]+#.*$", found[0].rstrip("\n"))
            kept = comment[0] if comment else ""
            head = head[: found.start()] + rendered.rstrip("\n") + kept + "\n" + head[found.end() :]
    return text[:start] + head + text[start + len(split(text)[0]) :]


def set_yaml(text: str, values: Mapping[str, Any]) -> str:
    """YAML with top-level fields set, None taking a field out; all else stays as the operator wrote it.

    A field of several lines goes with all its lines, and with the comments among them.
    """
    for name, value in values.items():
        rendered = "" if value is None else render_yaml({name: value})
        found = re.search(rf"^{re.escape(name)}:[^\n]*(?:\n(?:[ \t-][^\n]*|(?=\n[ \t-])))*\n?", text, re.MULTILINE)
        if found is None:
            text = f"{text.rstrip()}\n{rendered}" if rendered else text
            continue
        comment = re.search(r"[ \t]+#.*$", found[0].rstrip("\n")) if "\n" not in found[0].rstrip("\n") else None
        if comment and rendered.count("\n") == 1:
            rendered = f"{rendered.rstrip()}{comment[0]}\n"
        text = text[: found.start()] + rendered + text[found.end() :]
    return text


def set_front(text: str, values: Mapping[str, Any]) -> str:
    """The same for the front matter of a Markdown file. Raises ValueError where there is none."""
    head, _, line = split(text)
    if line == 1:
        raise ValueError("there is no front matter")
    start = text.index("\n") + 1
    return text[:start] + set_yaml(head, values) + text[start + len(head) :]
