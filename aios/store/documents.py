"""Reading files of state: a document with positions, or findings that say why not. Never an exception.

`.yaml` is one mapping; `.md` is prose behind YAML front matter (a `.md` without front matter is all prose and has no
data).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from aios.domain.finding import Finding
from aios.domain.front_matter import opens, render_markdown, render_yaml, split
from aios.domain.record import Document
from aios.store import strict_yaml

MAX_BYTES = 1024 * 1024
_MARKER = re.compile(r"^(?:<{7}|>{7}|\|{7})(?: .*)?\r?$|^={7}\r?$", re.MULTILINE)
_MARKER_OR_FENCE = re.compile(rf"{_MARKER.pattern}|^ {{0,3}}(?:`{{3}}|~{{3}})", re.MULTILINE)


def parse(path: str, content: bytes) -> tuple[Document | None, list[Finding]]:
    """The document, or None with the findings (file, line and column) that make it unreadable."""
    text, finding = _decoded(path, content)
    if text is None:
        return None, [finding] if finding else []
    if path.endswith(".md"):
        return _parse_markdown(path, text)
    conflict = _conflict(path, text, 0)
    if conflict:
        return None, [conflict]
    data, positions, findings = strict_yaml.read(content, path=path)
    if not findings:
        findings = _top_level(path, data, positions)
    if findings:
        return None, findings
    return Document(path, data, None, positions), []


def dump(data: Mapping[str, Any], body: str | None = None) -> str:
    """A new file's text: plain YAML, or front matter with the body. Raises as `front_matter.render_yaml`."""
    return render_yaml(data) if body is None else render_markdown(data, body)


def _parse_markdown(path: str, text: str) -> tuple[Document | None, list[Finding]]:
    front, body, body_line = split(text)
    if body_line == 1:
        if opens(text):
            return None, [Finding(path, 1, 1, "front-matter", "the front matter is never closed", "add a line `---`")]
        conflict = _conflict_in_prose(path, body, body_line)
        return (None, [conflict]) if conflict else (Document(path, {}, body, {}, 1), [])
    conflict = _conflict(path, front, 1) or _conflict_in_prose(path, body, body_line)
    if conflict:
        return None, [conflict]
    data, positions, findings = strict_yaml.read(front.encode(), path=path, line_offset=1)
    if data is None and not findings:
        data = {}  # `---` directly followed by `---`
    if not findings:
        findings = _top_level(path, data, positions)
    if findings:
        return None, findings
    return Document(path, data, body, positions, body_line), []


def _top_level(path: str, data: Any, positions: strict_yaml.Positions) -> list[Finding]:
    if isinstance(data, dict):
        return []
    line, column = positions.get((), (1, 1))
    what = "is empty" if data is None else "is not a mapping at its top level"
    return [Finding(path, line, column, "yaml-mapping", f"the record {what}", "write `field: value` lines")]


def _decoded(path: str, content: bytes) -> tuple[str | None, Finding | None]:
    """The text, or what keeps these bytes from being text that we want to read."""
    if len(content) > MAX_BYTES:
        size = f"{len(content) / MAX_BYTES:.1f} MiB"
        return None, Finding(path, 0, 0, "file-size", f"{size} is more than a record may have (1 MiB)", "split it")
    if content.startswith(b"\xef\xbb\xbf"):
        return None, Finding(path, 1, 1, "file-bom", "the file starts with a byte order mark", "save it as plain UTF-8")
    nul = content.find(b"\0")
    if nul >= 0:
        return None, Finding(path, *_place(content, nul), "file-nul", "the file holds a NUL byte", "delete it")
    try:
        return content.decode(), None
    except UnicodeDecodeError as error:
        place = _place(content, error.start)
        message = f"byte 0x{content[error.start]:02x} is not UTF-8"
        return None, Finding(path, *place, "file-encoding", message, "save the file as UTF-8")


def _place(content: bytes, offset: int) -> tuple[int, int]:
    """Line and column, from 1, of a byte; what stands before it on its line is counted in characters."""
    start = content.rfind(b"\n", 0, offset) + 1
    return content.count(b"\n", 0, offset) + 1, len(content[start:offset].decode(errors="replace")) + 1


def _conflict(path: str, text: str, line_offset: int) -> Finding | None:
    marker = _MARKER.search(text)
    if marker is None:
        return None
    line = text.count("\n", 0, marker.start()) + 1 + line_offset
    return _marked(path, line)


def _conflict_in_prose(path: str, body: str, body_line: int) -> Finding | None:
    """Prose may underline a heading with seven `=` and quote a conflict in a code block; a whole one is real."""
    start: int | None = None
    middle = fenced = False
    for mark in _MARKER_OR_FENCE.finditer(body):
        match mark[0].lstrip()[0]:
            case "`" | "~":
                fenced = not fenced
            case "<" if not fenced:
                start, middle = mark.start(), False
            case "=" if start is not None:
                middle = True
            case ">" if start is not None and middle:
                return _marked(path, body_line + body.count("\n", 0, start))
    return None


def _marked(path: str, line: int) -> Finding:
    return Finding(
        path, line, 1, "conflict-marker", "an unresolved merge conflict starts here", "settle it, delete the marks"
    )
