"""What commits changed, read from their tree objects one folder at a time.

Git is not asked to list anything: a few folders that name one another ten times each are more files than any disk
holds. How many files and folders one stands for is counted first, each folder once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from aios.store.git import Git

DEPTH = 64  # folders within folders that are looked into
FILES = 5_000  # files and folders that one handoff may leave more than there were
CHANGES = 20_000  # changed files of one handoff, all commits together
_DIRECTORY = b"40000"


class TooManyError(Exception):
    """More than is looked at; the message says what."""


@dataclass(frozen=True, slots=True)
class Changed:
    """One path of one commit. Modes and blobs are empty where there is no file; `path` are the bytes that git has."""

    path: bytes
    old_mode: str
    old: str
    mode: str
    blob: str


@dataclass(slots=True)
class Trees:
    """The folders of a repository, each read once."""

    git: Git
    _entries: dict[str, Mapping[bytes, tuple[bytes, str]]] = field(default_factory=dict)
    _sizes: dict[str, int] = field(default_factory=dict)
    _changes: int = 0

    def count(self, tree: str, depth: int = 0) -> int:
        """How many files and folders are below a tree: folders alone can be more than anybody can walk through. Raises
        TooManyError where it is too deep."""
        if depth > DEPTH:
            raise TooManyError(f"folders lie more than {DEPTH} deep in one another")
        known = self._sizes.get(tree)
        if known is None:
            known = 0
            for mode, oid in self.entries(tree).values():
                known += 1 + (self.count(oid, depth + 1) if mode == _DIRECTORY else 0)
            self._sizes[tree] = known
        return known

    def entries(self, tree: str) -> Mapping[bytes, tuple[bytes, str]]:
        """Name → (mode, id)."""
        known = self._entries.get(tree)
        if known is None:
            found = self.git.read_object(tree)
            if found is None or found.kind != "tree":
                raise TooManyError(f"{tree[:10]} is no folder")
            entry = re.compile(rb"([0-7]{5,6}) ([^\0]+)\0(.{%d})" % self.git.hash_size, re.DOTALL)
            listed = entry.findall(found.content)
            known = {name: (mode, oid.hex()) for mode, name, oid in listed}
            whole = sum(len(mode) + len(name) + 2 + len(oid) for mode, name, oid in listed)
            if whole != len(found.content) or len(known) != len(listed):
                raise TooManyError(f"the folder {tree[:10]} is not in order")
            self._entries[tree] = known
        return known

    def changes(self, before: str, after: str, prefix: bytes = b"") -> Iterator[Changed]:
        """What differs between two trees, by path. Raises TooManyError."""
        if before == after:
            return
        old = self.entries(before) if before else {}
        new = self.entries(after) if after else {}
        for name in sorted(old.keys() | new.keys()):
            was, is_ = old.get(name, (b"", "")), new.get(name, (b"", ""))
            if was == is_:
                continue
            yield from self._entry(prefix + name, was, is_)

    def _entry(self, path: bytes, was: tuple[bytes, str], is_: tuple[bytes, str]) -> Iterator[Changed]:
        folders = was[1] if was[0] == _DIRECTORY else "", is_[1] if is_[0] == _DIRECTORY else ""
        files = was if was[0] != _DIRECTORY else (b"", ""), is_ if is_[0] != _DIRECTORY else (b"", "")
        if any(folders):
            yield from self.changes(*folders, path + b"/")
        if any(each[1] for each in files):
            self._changes += 1
            if self._changes > CHANGES:
                raise TooManyError(f"it changes more than {CHANGES} files")
            yield Changed(path, files[0][0].decode(), files[0][1], files[1][0].decode(), files[1][1])
