"""Changing fields of a record in its text: comments, order, quoting and every untouched line stay as they are."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Any

from aios.domain.finding import Finding
from aios.domain.front_matter import render_yaml, split
from aios.domain.record import Where
from aios.errors import InvalidError
from aios.store import strict_yaml
from aios.store.diff3 import split_lines
from aios.store.scalars import OutOfRangeError, resolve


class Delete(Enum):
    """The type of `DELETE`, the value that takes a field away."""

    DELETE = "delete"


DELETE = Delete.DELETE


def edit(text: str, changes: Mapping[Where | str, Any], *, body: str | None = None) -> str:
    """The text with fields set or taken away, in the order given, and the body replaced where one is given.

    A key is a top-level field, or a path (`("contacts", 0, "email")`); mappings that are missing on the way are made,
    an index one behind a list's end appends. Values are JSON types; a mapping or list that is set over one of its kind
    is changed in place, so that comments inside survive. Works on plain YAML and on front matter. Text that changes
    nothing is returned as it is. Raises `InvalidError` for text that is not a readable record, KeyError for a path that
    leads through something that is neither mapping nor list.
    """
    front, old_body, body_line = split(text)
    has_front = body_line > 1
    head = text[: len(text) - len(old_body)] if has_front else ""
    yaml_text = front if has_front else text
    if not changes and not has_front and body is not None:
        return body  # prose without front matter
    new_yaml = _edit_yaml(yaml_text, changes, line_offset=1 if has_front else 0)
    if not has_front:
        if body is not None:
            raise InvalidError("plain YAML has no body to replace", "give the changes of its fields only")
        return new_yaml
    before, after = head[: head.index("\n") + 1], head[head.index("\n") + 1 + len(front) :]
    return before + new_yaml + after + (old_body if body is None else body)


def apply(data: Any, changes: Mapping[Where | str, Any]) -> Any:
    """The data that `edit` leaves. The given data stays as it is."""
    result = copy.deepcopy(data)
    for where, value in changes.items():
        put(result, path_of(where), value)
    return result


def path_of(where: Where | str) -> Where:
    return (where,) if isinstance(where, str) else where


def put(node: Any, where: Where, value: Any) -> None:
    """Set or delete one place within nested dicts and lists."""
    for depth, part in enumerate(where[:-1]):
        if isinstance(node, dict) and part not in node:
            if value is DELETE:
                return
            node[part] = {}
        node = _inside(node, part, where[: depth + 1])
    last = where[-1]
    if isinstance(node, list) and isinstance(last, int) and 0 <= last <= len(node):
        if value is DELETE:
            del node[last : last + 1]
        elif last == len(node):
            node.append(copy.deepcopy(value))
        else:
            node[last] = copy.deepcopy(value)
    elif isinstance(node, dict) and isinstance(last, str):
        if value is DELETE:
            node.pop(last, None)
        else:
            node[last] = copy.deepcopy(value)
    else:
        raise KeyError(f"there is no place {'.'.join(map(str, where))}")


def same(one: Any, other: Any) -> bool:
    """Equal as JSON is: 1, 1.0 and true are three values. The order of fields does not count."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(value, other[key]) for key, value in one.items())
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other)


def _inside(node: Any, part: str | int, where: Where) -> Any:
    if isinstance(node, dict) and part in node:
        return node[part]
    if isinstance(node, list) and isinstance(part, int) and 0 <= part < len(node):
        return node[part]
    raise KeyError(f"there is no place {'.'.join(map(str, where))}")


def _edit_yaml(text: str, changes: Mapping[Where | str, Any], *, line_offset: int) -> str:
    data, findings = _loaded(text, line_offset)
    if findings:
        raise InvalidError(
            f"line {findings[0].line}: {findings[0].message}", "make the file readable first", findings=tuple(findings)
        )
    expected = apply(data, changes)
    if same(data, expected):
        return text
    if not data:
        return text + render_yaml(expected)
    for candidate in _candidates(text, data, expected):
        value, problems = _loaded(candidate, 0)
        if not problems and same(value, expected):
            return candidate
    # The values are worth more than the comments: what no careful edit gets right is written afresh.
    return render_yaml(expected)


def _candidates(text: str, data: Mapping[str, Any], expected: Mapping[str, Any]) -> Iterator[str]:
    """Texts that should read as expected, the cheapest and most careful first."""
    quick = _replaced(text, data, expected)
    if quick is not None:
        yield quick
    from aios.store.roundtrip import candidates  # ruamel: 60 ms, and 5 ms for each kilobyte

    yield from candidates(text, expected)
    yield _spliced(text, data, expected)


_PLAIN_LINE = re.compile(r"(?P<head>[^\s:]+: +)(?P<value>[^\s\"'|>&*!\[{#][^\n]*?)(?P<comment> +#[^\n]*)?\n")


def _replaced(text: str, data: Mapping[str, Any], expected: Mapping[str, Any]) -> str | None:
    """The text with plain values at the top replaced on their lines, and new fields behind; None for more than that."""
    _, positions, _ = strict_yaml.read(text.encode(), path="")
    lines = split_lines(text)
    for key, old in data.items():
        if key not in expected:
            return None
        if same(old, expected[key]):
            continue
        number, column = positions[key,]
        line = _PLAIN_LINE.fullmatch(lines[number - 1])
        new = _rendered(key, expected[key])
        if line is None or new is None or column != 1 or not _means(line["value"], old):
            return None
        place = len(lines[number - 1]) - len(f"{line['comment'] or ''}\n".lstrip())
        comment = (line["comment"] or "").lstrip()
        start = line["head"] + new
        lines[number - 1] = (f"{start} ".ljust(place) + comment if comment else start) + "\n"
    added = {key: value for key, value in expected.items() if key not in data}
    behind = text.endswith("\n") and "\r" not in text and len(positions) > 1 and positions[()][1] == 1
    if added and (not behind or not data):
        return None
    return "".join(lines) + (render_yaml(added) if added else "")


def _rendered(key: str, value: Any) -> str | None:
    """A plain value as it stands behind its key; None where it takes more than a line."""
    if isinstance(value, (dict, list)):
        return None
    line = render_yaml({key: value})
    return line.removeprefix(f"{key}: ").removesuffix("\n") if line.count("\n") == 1 else None


def _means(text: str, value: Any) -> bool:
    """Is this plain text the whole of the value?"""
    try:
        return same(resolve(text), value)
    except OutOfRangeError:
        return False


def _spliced(text: str, data: Mapping[str, Any], expected: Mapping[str, Any]) -> str:
    """The text with each changed field at the top written afresh as a whole, in its place."""
    _, positions, _ = strict_yaml.read(text.encode(), path="")
    lines = split_lines(text if text.endswith("\n") else f"{text}\n")
    starts = [positions[key,][0] - 1 for key in data]
    for key, start, end in reversed(list(zip(data, starts, [*starts[1:], len(lines)], strict=True))):
        if key in expected and same(data[key], expected[key]):
            continue
        last = end
        while last > start + 1 and (not lines[last - 1].strip() or lines[last - 1].startswith("#")):
            last -= 1  # what stands above the next field is not this one's
        lines[start:last] = [render_yaml({key: expected[key]})] if key in expected else []
    added = {key: value for key, value in expected.items() if key not in data}
    return "".join(lines) + (render_yaml(added) if added else "")


def _loaded(text: str, line_offset: int) -> tuple[Any, list[Finding]]:
    data, _, findings = strict_yaml.read(text.encode(), path="", line_offset=line_offset)
    if not findings and data is None:
        data = {}
    if not findings and not isinstance(data, dict):
        findings = [Finding("", line_offset + 1, 1, "yaml-mapping", "the record is not a mapping at its top level")]
    return data, findings
