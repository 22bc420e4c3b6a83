"""The projection: state and history as tables in SQLite, folded from the log and brought up to date commit by commit.

It is derived: whatever is wrong with the file (another version's, damaged, of a history that was rewritten), it is made
anew. One process at a time brings it up to date; others wait for it, and read what there was meanwhile.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from aios.domain.event import Event
from aios.errors import AiosError, BusyError
from aios.projections import query
from aios.projections.folds import Rows as Folded
from aios.projections.folds import events, field_changes, records
from aios.projections.tables import BY_EVENT, BY_FILE, insertion, removal, schema
from aios.store.documents import parse
from aios.store.fields import Versions
from aios.store.git import Git
from aios.store.log_order import Parents, follows, order, parents_of
from aios.store.log_stream import stream
from aios.store.trees import changed_paths

FOLDS = 1  # raised when a fold tells the same events otherwise than before
BATCH = 512  # events folded at once; their blobs are read in one go
WAIT = 120.0  # seconds for another process that is bringing it up to date
_VERSION = hashlib.sha256(repr((FOLDS, schema())).encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Refreshed:
    """What a refresh did: events and files folded; `rebuilt` says why all of them were, empty where only news was."""

    events: int = 0
    files: int = 0
    rebuilt: str = ""


class Projection:
    """The projection of `branch` in the file `path`."""

    def __init__(self, path: Path, git: Git, branch: str) -> None:
        self._path, self._git, self._branch = path, git, branch

    def refresh(self) -> Refreshed:
        """Bring it up to the branch's tip. Raises BusyError where another process takes too long at it."""
        tip = self._git.rev(self._branch) or ""
        with suppress(sqlite3.Error):
            if self._told() == (_VERSION, self._branch, tip):
                return Refreshed()
        return self._written(tip, anew="")

    def rebuild(self) -> Refreshed:
        """Make it anew from the whole history."""
        return self._written(self._git.rev(self._branch) or "", anew="asked for")

    def query(self, sql: str, params: Sequence[Any] = (), *, limit: int = 1000) -> query.Rows:
        """The first `limit` rows of a read-only question. Raises UsageError for any other or a wrong one."""
        return query.ask(self._path, sql, params, limit=limit)

    def _told(self) -> tuple[str, str, str] | None:
        if not self._path.exists():
            return None
        with closing(sqlite3.connect(f"file:{self._path}?mode=ro", uri=True, timeout=WAIT)) as db:
            row = db.execute("SELECT version, branch, tip FROM origin").fetchone()
            return None if row is None else (str(row[0]), str(row[1]), str(row[2]))

    def _written(self, tip: str, *, anew: str) -> Refreshed:
        try:
            return self._write(tip, anew=anew)
        except sqlite3.OperationalError as error:
            if "locked" in str(error) or "busy" in str(error):
                raise BusyError(
                    "another aios is bringing the projection up to date", "try again in a moment"
                ) from error
            return self._after_damage(tip, error)
        except sqlite3.DatabaseError as error:
            return self._after_damage(tip, error)

    def _after_damage(self, tip: str, error: sqlite3.Error) -> Refreshed:
        for suffix in ("", "-wal", "-shm", "-journal"):
            self._path.with_name(self._path.name + suffix).unlink(missing_ok=True)
        try:
            return self._write(tip, anew=f"the file was damaged: {error}")
        except sqlite3.Error as again:
            raise AiosError(
                f"{self._path} cannot be written: {again}", "look at the disk and its free space"
            ) from again

    def _write(self, tip: str, *, anew: str) -> Refreshed:
        with closing(sqlite3.connect(self._path, timeout=WAIT, isolation_level=None)) as db:
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA synchronous = NORMAL")
            db.execute("BEGIN IMMEDIATE")
            try:
                done = self._fold(db, tip, anew=anew)
                db.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):
                    db.execute("ROLLBACK")
                raise
            return done

    def _fold(self, db: sqlite3.Connection, tip: str, *, anew: str) -> Refreshed:
        since, seq, why = self._begin(db)
        parents = self._news(since, tip) if since != tip else {}
        why = anew or why or ("the history was rewritten" if parents is None else "")
        if why:
            _empty(db)
            since, seq, parents = None, 0, parents_of(self._git, tip) if tip else {}
        if since == tip:
            return Refreshed()
        blobs = _Blobs(self._git)
        count = self._fold_events(db, order(parents or {}, tip), parents or {}, seq, blobs)
        files = self._fold_files(db, tip, since, blobs)
        db.execute("DELETE FROM origin")
        db.execute("INSERT INTO origin VALUES (?, ?, ?, ?)", (_VERSION, self._branch, tip, seq + count))
        return Refreshed(count, files, why)

    def _begin(self, db: sqlite3.Connection) -> tuple[str | None, int, str]:
        """The commit that it tells of, the number of the next event, and why it must be made anew (if it must)."""
        try:
            row = db.execute("SELECT version, branch, tip, next_seq FROM origin").fetchone()
        except sqlite3.OperationalError:
            return None, 0, "there was none"
        if row is None or row[0] != _VERSION:
            return None, 0, "it was another version's"
        _, branch, since, seq = row
        if branch != self._branch:
            return None, 0, f"it told of {branch}"
        return since, seq, ""

    def _news(self, since: str | None, tip: str) -> dict[str, tuple[str, ...]] | None:
        """The commits after the one that it tells of; None where they do not go on from there."""
        if not since or not tip:
            return None
        try:
            found = parents_of(self._git, tip, since)
        except AiosError:
            return None  # what it told of is no longer in the repository
        return found if follows(found, since, tip) else None

    def _fold_events(
        self, db: sqlite3.Connection, wanted: Iterable[tuple[str, bool]], parents: Parents, seq: int, blobs: _Blobs
    ) -> int:
        versions = Versions(blobs.read)
        count = 0
        told = stream(self._git, wanted, parents)
        while batch := list(islice(told, BATCH)):
            blobs.expect(batch)
            rows: Folded = []
            for event in batch:
                rows += events.fold(seq + count, event)
                rows += field_changes.fold(seq + count, event, versions)
                count += 1
            _insert(db, rows)
        return count

    def _fold_files(self, db: sqlite3.Connection, tip: str, since: str | None, blobs: _Blobs) -> int:
        if not tip:
            return 0
        wanted: dict[str, str] = {}
        if since is None:
            wanted = {path: oid for path, (_, oid) in self._git.tree(tip).items() if _is_record(path)}
        else:
            for change in changed_paths(self._git, since, tip):
                if _is_record(change.path):
                    for name in BY_FILE:
                        db.execute(removal(name), (change.path,))
                    if change.after:
                        wanted[change.path] = change.after
        paths = sorted(wanted)
        contents = blobs.all(wanted[path] for path in paths)
        for path, content in zip(paths, contents, strict=True):
            document, _ = parse(path, content)
            if document is not None:
                _insert(db, records.fold(document), file=path)
        return len(paths)


class _Blobs:
    """Contents of blobs, read a batch of events at a time."""

    def __init__(self, git: Git) -> None:
        self._git = git
        self._kept: dict[str, bytes] = {}
        self._met: set[str] = set()

    def expect(self, batch: Iterable[Event]) -> None:
        """Read ahead what the events will ask for; what an earlier one brought in is remembered by whoever asked."""
        needed: dict[str, None] = {}
        fresh: set[str] = set()
        for event in batch:
            for change in field_changes.told(event):
                for blob in (change.before, "" if change.mode else change.after):
                    if blob and blob not in self._met:
                        needed[blob] = None
                        fresh.add(blob)
        self._kept = dict(self._git.blobs(needed))
        self._met = fresh

    def read(self, blob: str) -> bytes | None:
        return self._kept.get(blob) or self._git.read_blob(blob)

    def all(self, wanted: Iterable[str]) -> Iterator[bytes]:
        """The contents in the order asked; those of the last events are at hand."""
        oids = list(wanted)
        missing = self._git.blobs(oid for oid in oids if oid not in self._kept)
        for oid in oids:
            yield self._kept[oid] if oid in self._kept else next(missing)[1]


def _is_record(path: str) -> bool:
    return field_changes.is_told(path)


def _empty(db: sqlite3.Connection) -> None:
    """No tables but ours, and nothing in them."""
    for kind, name in list(db.execute("SELECT type, name FROM sqlite_master WHERE type IN ('table', 'view')")):
        if not str(name).startswith("sqlite_"):
            db.execute(f'DROP {kind} "{name}"')
    for statement in schema():
        db.execute(statement)


def _insert(db: sqlite3.Connection, rows: Folded, *, file: str = "") -> None:
    """Rows of one file, or of events; each gets its place among those of the same table and file (or event)."""
    tables: dict[str, list[tuple[object, ...]]] = {}
    places: dict[tuple[str, object], int] = {}
    for name, row in rows:
        owner = row[0] if name in BY_EVENT else file
        place = places.get((name, owner), 0)
        places[name, owner] = place + 1
        tables.setdefault(name, []).append((place, *row) if name in BY_EVENT else (file, place, *row))
    for name, found in tables.items():
        db.executemany(insertion(name), found)
