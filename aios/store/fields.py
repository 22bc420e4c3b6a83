"""What a change did to a record, field by field.

Versions of a record differ in a line or two, so texts are cut into their top-level fields and only fields that differ
are read. A text that cannot be cut safely is read whole.
"""

from __future__ import annotations

import json
import re
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from aios.domain.event import Change, Event
from aios.domain.front_matter import split
from aios.domain.record import ref_of
from aios.store import strict_yaml
from aios.store.documents import parse
from aios.store.edit import same
from aios.store.scalars import OutOfRangeError, resolve

ReadBlob = Callable[[str], bytes | None]
BODY = "body"
KEPT = 8192  # versions kept apart while changes are read one after the other …
ROOM = 24 * 1024 * 1024  # … and the characters that they may take together

_WORD = re.compile(r"[^\W_]+")
# A field begins at the margin and goes on while lines are indented, empty, items of its list or comments.
_FIELD = re.compile(r"([A-Za-z_][A-Za-z0-9_-]*):(?=[ \n]|\Z)([^\n]*\n?(?:(?=[# \n]|-[ \n]|-\Z)[^\n]*\n?)*)")
_HEAD = re.compile(r"(?: *(?:#[^\n]*)?\n)*")
_PLAIN = re.compile(r"[A-Za-z0-9_+.][^\n:#'\"]*")  # on one line, and nothing in it that means anything to YAML


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field that changed; `before` and `after` are JSON values, None where it was not there.

    Prose is the field `body`, told by its length (“120 words”), as is a file that is no record (“512 bytes”).
    """

    path: str
    field: str
    before: Any
    after: Any

    def __str__(self) -> str:
        if self.field == BODY:
            return f"{ref_of(self.path)}: text {self.before or '–'} → {self.after or '–'}"
        return f"{ref_of(self.path)}: {self.field} {_short(self.before)} → {_short(self.after)}"


def changes_in_words(event: Event, read: ReadBlob) -> list[FieldChange]:
    """What an event changed, field by field, sorted within a file."""
    versions = Versions(read)
    return [field for change in event.changes for field in versions.compare(change)]


class Versions:
    """Compares versions of files; those seen last are remembered, since one's after is the next one's before."""

    def __init__(self, read: ReadBlob) -> None:
        self._read = read
        self._seen: OrderedDict[tuple[bool, str], dict[str, str] | None] = OrderedDict()
        self._size = 0

    def knows(self, path: str, blob: str) -> bool:
        """Can it compare this version without reading it?"""
        return self._seen.get((path.endswith(".md"), blob)) is not None

    def compare(self, change: Change) -> list[FieldChange]:
        old_path, path = change.renamed_from or change.path, change.path
        blob = "" if change.mode else change.after
        before, after = self._cut(old_path, change.before), self._cut(path, blob)
        if before is None or after is None:
            return _whole(change, self._content(change.before), self._content(blob))
        self._superseded(old_path, change.before)
        prose = old_path.endswith(".md"), path.endswith(".md")
        found: list[FieldChange] = []
        try:
            for name in sorted({name for name, _ in before.items() ^ after.items()}):
                old, new = _value(name, before.get(name), prose[0]), _value(name, after.get(name), prose[1])
                if not same(old, new) or (name == BODY and before.get(name) != after.get(name)):
                    found.append(FieldChange(path, name, old, new))
        except ValueError:
            return _whole(change, self._content(change.before), self._content(blob))
        return found

    def _content(self, blob: str) -> bytes | None:
        return self._read(blob) if blob else None

    def _cut(self, path: str, blob: str) -> dict[str, str] | None:
        """The text of each top-level field by name (the body under `body`); None where it must be read whole."""
        if not blob:
            return {}
        prose = path.endswith(".md")
        if not prose and not path.endswith(".yaml"):
            return None
        key = (prose, blob)
        if key in self._seen:
            self._seen.move_to_end(key)
            return self._seen[key]
        content = self._read(blob)
        found = _cut(content, prose=prose) if content is not None else None
        self._seen[key] = found
        self._size += _size(found)
        while len(self._seen) > KEPT or self._size > ROOM:
            self._size -= _size(self._seen.popitem(last=False)[1])
        return found

    def _superseded(self, path: str, blob: str) -> None:
        """A version that has a later one is forgotten first: only a branch may ask for it again."""
        key = (path.endswith(".md"), blob)
        if key in self._seen:
            self._seen.move_to_end(key, last=False)


def _size(fields: Mapping[str, str] | None) -> int:
    return sum(map(len, fields.values())) if fields else 0


def _cut(content: bytes, *, prose: bool) -> dict[str, str] | None:
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return None
    if "\r" in text or "\t" in text or "\0" in text:
        return None
    body = ""
    if prose:
        text, body, line = split(text)
        if line == 1:
            return None
    head = _HEAD.match(text)
    start = head.end() if head else 0
    pairs = _FIELD.findall(text, start)
    fields = dict(pairs)
    told = sum([len(name) + 1 + len(value) for name, value in pairs])
    if not pairs or len(fields) < len(pairs) or (prose and BODY in fields) or start + told < len(text):
        return None  # twice the same field, or something between the fields
    if prose:
        fields[BODY] = body
    return fields


def _value(name: str, text: str | None, prose: bool) -> Any:  # noqa: FBT001
    """Raises ValueError for a field that cannot be read on its own."""
    if text is None:
        return None
    if name == BODY and prose:
        return _amount(text)
    plain = text.strip("\n ")
    if _PLAIN.fullmatch(plain):
        return _plain(plain)
    data, _, findings = strict_yaml.read(f"{name}:{text}".encode(), path="")
    if findings or not isinstance(data, dict) or list(data) != [name]:
        raise ValueError(name)
    return data[name]


@lru_cache(maxsize=4096)
def _plain(text: str) -> str | int | float | bool | None:
    try:
        return resolve(text)
    except OutOfRangeError as error:
        raise ValueError(str(error)) from error


def _whole(change: Change, before: bytes | None, after: bytes | None) -> list[FieldChange]:
    old, new = _read(change.renamed_from or change.path, before), _read(change.path, after)
    return [
        FieldChange(change.path, name, _shown(name, old), _shown(name, new))
        for name in sorted(old.keys() | new.keys())
        if name not in old or name not in new or not same(old[name], new[name])
    ]


class _Prose(str):
    """Text that is told by its length."""

    __slots__ = ()


def _read(path: str, content: bytes | None) -> dict[str, Any]:
    if content is None:
        return {}
    document = parse(path, content)[0] if path.endswith((".yaml", ".md")) else None
    if document is None:
        return {BODY: f"{len(content)} bytes"}
    return dict(document.data) if document.body is None else {**document.data, BODY: _Prose(document.body)}


def _shown(name: str, fields: Mapping[str, Any]) -> Any:
    value = fields.get(name)
    return _amount(value) if isinstance(value, _Prose) else value


def _amount(text: str) -> str:
    return f"{len(_WORD.findall(text))} words"


def _short(value: Any) -> str:
    text = "–" if value is None else value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 70 else text[:69] + "…"
