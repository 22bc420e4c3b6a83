"""Three-way merge of files of state: records by field, prose by line, ours's comments and order kept.

A conflict is told, never guessed away: the content then holds ours.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aios.domain.record import Document, Where
from aios.store.diff3 import matches, merge_text, split_lines
from aios.store.documents import parse
from aios.store.edit import edit
from aios.store.merge_data import Conflict, changes_between, merge_data

__all__ = ["BODY", "WHOLE", "Conflict", "Merged", "merge_documents", "merge_files"]

BODY: Where = ("(body)",)  # where a conflict lies in prose; no field can be called so by accident
WHOLE: Where = ()  # the file as a whole: deleted against changed, or unreadable


@dataclass(frozen=True, slots=True)
class Merged:
    """`content` is None where the file is to be gone. Where there are conflicts, it holds ours at their places."""

    content: bytes | None
    conflicts: tuple[Conflict, ...] = ()


def merge_documents(
    path: str,
    base: bytes | None,
    ours: bytes | None,
    theirs: bytes | None,
    *,
    favour_theirs: bool = False,
) -> Merged:
    """Merge one file; None stands for a file that is not there. `favour_theirs` settles conflicts the other way."""
    if theirs in (ours, base):
        return Merged(ours)
    if base == ours:
        return Merged(theirs)
    if ours is None or theirs is None:
        conflict = Conflict(WHOLE, _text(base), _text(ours), _text(theirs))
        return Merged(theirs if favour_theirs else ours, (conflict,))
    before = Document(path, {}, "", {}) if base is None else _document(path, base)
    mine, other = _document(path, ours), _document(path, theirs)
    if before and mine and other and _alike(mine, other):
        return _merge_records(before, mine, other, ours.decode(), favour_theirs=favour_theirs)
    return _merge_texts(base or b"", ours, theirs, favour_theirs=favour_theirs)


def merge_files(base_path: Path, ours_path: Path, theirs_path: Path, name: str) -> bool:
    """As git's merge driver wants it (`%O %A %B %P`): writes the result to ours; false says that conflicts are left.

    What is in conflict is then marked in the text, as git does, so that it cannot pass for settled.
    """
    base, ours, theirs = (path.read_bytes() for path in (base_path, ours_path, theirs_path))
    merged = merge_documents(name, base or None, ours, theirs)
    content = merged.content or b""
    if merged.conflicts:
        other = merge_documents(name, base or None, ours, theirs, favour_theirs=True).content or b""
        content = marked(content, other)
    ours_path.write_bytes(content)
    return not merged.conflicts


def marked(ours: bytes, theirs: bytes) -> bytes:
    """Both texts in one, with conflict marks around the lines in which they differ."""
    mine, other = (
        split_lines(ours.decode(errors="surrogateescape")),
        split_lines(theirs.decode(errors="surrogateescape")),
    )
    parts: list[str] = []
    at_mine = at_other = 0
    for start, into, length in matches(mine, other):
        left, right = mine[at_mine:start], other[at_other:into]
        if left or right:
            parts += ["<<<<<<< ours\n", *_ended(left), "=======\n", *_ended(right), ">>>>>>> theirs\n"]
        parts += mine[start : start + length]
        at_mine, at_other = start + length, into + length
    return "".join(parts).encode(errors="surrogateescape")


def _alike(ours: Document, theirs: Document) -> bool:
    """Are both records, or both mere prose?"""
    return (ours.body is None) == (theirs.body is None) and bool(ours.data) == bool(theirs.data)


def _merge_records(base: Document, ours: Document, theirs: Document, text: str, *, favour_theirs: bool) -> Merged:
    """Field by field; `text` is ours."""
    data, conflicts = merge_data(base.data, ours.data, theirs.data, favour_theirs=favour_theirs)
    body: str | None = None
    if ours.body is not None and theirs.body is not None:
        body, hunks = merge_text(base.body or "", ours.body, theirs.body, favour_theirs=favour_theirs)
        conflicts += [
            Conflict((*BODY, hunk.line), "".join(hunk.base), "".join(hunk.ours), "".join(hunk.theirs)) for hunk in hunks
        ]
        body = None if body == ours.body else body
    changes: dict[Where | str, Any] = dict(changes_between(ours.data, data))
    content = edit(text, changes, body=body) if changes or body is not None else text
    return Merged(content.encode(), tuple(conflicts))


def _merge_texts(base: bytes, ours: bytes, theirs: bytes, *, favour_theirs: bool) -> Merged:
    """By line, for files that are no readable records; a file that is not text is one conflict."""
    try:
        text, hunks = merge_text(base.decode(), ours.decode(), theirs.decode(), favour_theirs=favour_theirs)
    except UnicodeDecodeError:
        conflict = Conflict(WHOLE, _text(base), _text(ours), _text(theirs))
        return Merged(theirs if favour_theirs else ours, (conflict,))
    conflicts = (
        Conflict((*BODY, hunk.line), "".join(hunk.base), "".join(hunk.ours), "".join(hunk.theirs)) for hunk in hunks
    )
    return Merged(text.encode(), tuple(conflicts))


def _document(path: str, content: bytes) -> Document | None:
    return parse(path, content)[0] if path.endswith((".yaml", ".yml", ".md")) else None


def _ended(lines: list[str]) -> list[str]:
    return [line if line.endswith("\n") else f"{line}\n" for line in lines]


def _text(content: bytes | None) -> str | None:
    return None if content is None else content.decode(errors="replace")
