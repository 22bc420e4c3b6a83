"""From events and files to the rows of the tables: batch by batch, each content read once."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice

from aios.domain.event import Event
from aios.projections.folds import Rows, events, field_changes, records
from aios.projections.newest import Newest
from aios.projections.tables import BY_EVENT, BY_FILE, insertion, removal
from aios.store.documents import parse
from aios.store.fields import Versions
from aios.store.git import Git

BATCH = 512  # events folded at once; their contents are read in one go
_REGULAR = ("100644", "100755")


class Filling:
    """Fills the tables of `db`. `files` are the files that main's events touched, each with what became of it."""

    def __init__(self, db: sqlite3.Connection, git: Git) -> None:
        self._db, self._git = db, git
        self._contents: dict[str, bytes] = {}
        self._versions = Versions(self._read)
        self.files: dict[str, str] = {}

    def events(self, told: Iterator[Event], seq: int) -> int:
        """Fold events, the first of which is number `seq`; gives how many there were."""
        count = 0
        while batch := list(islice(told, BATCH)):
            self._contents = dict(self._git.blobs(self._unknown(batch)))
            tables: dict[str, list[tuple[object, ...]]] = {name: [] for name in BY_EVENT}
            for event in batch:
                rows = [*events.fold(seq + count, event), *field_changes.fold(seq + count, event, self._versions)]
                for place, (name, row) in enumerate(rows):
                    tables[name].append((place, *row))
                if event.mainline:
                    self._touch(event)
                count += 1
            self._insert(tables)
        return count

    def records(self, files: Mapping[str, str], newest: Newest, *, anew: bool) -> int:
        """Make the rows of files (path → blob, empty where there is none any more); gives how many there were."""
        paths = sorted(files)
        if not anew:
            for name in BY_FILE:
                self._db.executemany(removal(name), [(_key(path),) for path in paths])
        present = [path for path in paths if files[path]]
        pairs = zip(present, self._all([files[path] for path in present]), strict=True)
        while part := list(islice(pairs, BATCH)):
            tables: dict[str, list[tuple[object, ...]]] = {name: [] for name in BY_FILE}
            for path, content in part:
                document, _ = parse(path, content)
                for place, (name, row) in enumerate(records.fold(newest.read(document)) if document else ()):
                    tables[name].append((_key(path), place, *row))
            self._insert(tables)
        return len(paths)

    def _touch(self, event: Event) -> None:
        for change in event.changes:
            for path, blob in ((change.renamed_from, ""), (change.path, "" if change.mode else change.after)):
                if path and field_changes.is_told(path):
                    self.files[path] = blob

    def _unknown(self, batch: Iterable[Event]) -> dict[str, None]:
        """The contents that the batch will ask for."""
        needed: dict[str, None] = {}
        for event in batch:
            for change in field_changes.told(event):
                if change.before and not self._versions.knows(change.renamed_from or change.path, change.before):
                    needed[change.before] = None
                if change.after and not change.mode:
                    needed[change.after] = None
        return needed

    def _read(self, blob: str) -> bytes | None:
        found = self._contents.get(blob)
        return self._git.read_blob(blob) if found is None else found

    def _all(self, blobs: list[str]) -> Iterator[bytes]:
        """The contents in the order asked; those of the last events are at hand."""
        missing = self._git.blobs(blob for blob in blobs if blob not in self._contents)
        for blob in blobs:
            yield self._contents[blob] if blob in self._contents else next(missing)[1]

    def _insert(self, tables: Mapping[str, Rows | list[tuple[object, ...]]]) -> None:
        for name, rows in tables.items():
            if rows:
                self._db.executemany(insertion(name), rows)


def files_of(git: Git, tip: str) -> dict[str, str]:
    """The files of a commit that may be records, with their blobs. A link is none, nor is a submodule."""
    return {
        path: blob for path, (mode, blob) in git.tree(tip).items() if mode in _REGULAR and field_changes.is_told(path)
    }


def _key(path: str) -> str | bytes:
    """A path as SQLite can hold it."""
    return path if path.isascii() or path.isprintable() else os.fsencode(path)
