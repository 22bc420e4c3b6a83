"""Setting single fields of a front matter without touching anything else: comments, order and quoting stay."""

from __future__ import annotations

import re
from collections.abc import Mapping

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
