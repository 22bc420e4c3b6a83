"""The projection: state and history as tables in SQLite, folded from the log and brought up to date commit by commit.

It is derived: whatever is wrong with the file (another version's, damaged, of a history that was rewritten), it is made
anew. One process at a time brings it up to date; others wait for it, and read what there was meanwhile.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Sequence
from contextlib import AbstractContextManager, closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aios.errors import AiosError, CorruptError
from aios.projections import file
from aios.projections.filling import Filling, files_of
from aios.projections.newest import Newest
from aios.projections.query import Rows, Stream, ask, streamed
from aios.projections.tables import BY_FILE, emptying, indexes, tables
from aios.store.git import Git
from aios.store.log_order import Parents, beginning, follows, order, parents_of
from aios.store.log_stream import stream

FOLDS = 4  # raised when a fold tells the same events otherwise than before
_VERSION = hashlib.sha256(repr((FOLDS, tables(), indexes())).encode()).hexdigest()[:16]
_ORIGIN = "CREATE TABLE origin (version, branch, beginning, tip, next_seq, newest)"


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
        with suppress(sqlite3.Error):
            if self._told() == (_VERSION, self._branch, beginning(self._git), self._tip()):
                return Refreshed()
        return self._written(anew="")

    def rebuild(self) -> Refreshed:
        """Make it anew from the whole history."""
        return self._written(anew="asked for")

    def query(self, sql: str, params: Sequence[Any] = (), *, limit: int = 1000) -> Rows:
        """The first `limit` rows of a read-only question. Raises UsageError for any other or a wrong one."""
        try:
            return ask(self._path, sql, params, limit=limit)
        except CorruptError as error:
            self._written(anew=f"the file was damaged: {error.message}")
            return ask(self._path, sql, params, limit=limit)

    def stream(self, sql: str, params: Sequence[Any] = ()) -> AbstractContextManager[Stream]:
        """All rows, one after the other, however many there are."""
        return streamed(self._path, sql, params)

    def _tip(self) -> str:
        return self._git.rev(self._branch) or ""

    def _told(self) -> tuple[str, ...] | None:
        if not self._path.exists():
            return None
        with closing(file.reading(self._path)) as db:
            row = db.execute("SELECT version, branch, beginning, tip FROM origin").fetchone()
            return None if row is None else tuple(map(str, row))

    def _written(self, *, anew: str) -> Refreshed:
        with file.locked(self._path):
            try:
                return self._write(anew=anew)
            except sqlite3.Error as error:
                if not file.is_damage(error):
                    raise file.explained(self._path, error) from error
                why = f"the file was damaged: {error}"
            file.discard(self._path)
            try:
                return self._write(anew=why)
            except sqlite3.Error as error:
                raise file.explained(self._path, error) from error

    def _write(self, *, anew: str) -> Refreshed:
        # The tip is asked for by who may write: another process may have told more than we knew of before.
        tip = self._tip()
        with file.transaction(self._path) as db:
            return self._fold(db, tip, anew=anew)

    def _fold(self, db: sqlite3.Connection, tip: str, *, anew: str) -> Refreshed:
        begun = beginning(self._git)
        since, seq, why = self._since(db, begun)
        why = anew or why
        if not why and since == tip:
            return Refreshed()
        parents = None if why else self._news(since, tip)
        if parents is None:
            why = why or "the history was rewritten"
            _empty(db)
            seq, parents = 0, parents_of(self._git, tip) if tip else {}
        filling = Filling(db, self._git)
        count = filling.events(stream(self._git, order(parents, tip), parents) if parents else iter(()), seq)
        newest = Newest(self._git, tip)
        all_anew = bool(why) or newest.key != self._newest(db)
        touched = (files_of(self._git, tip) if tip else {}) if all_anew else filling.files
        if all_anew and not why:
            for name in BY_FILE:
                db.execute(emptying(name))
        files = filling.records(touched, newest, anew=all_anew)
        for statement in indexes() if why else ():  # sooner made at the end than kept while rows come in
            db.execute(statement)
        db.execute("DELETE FROM origin")
        origin = (_VERSION, self._branch, begun, tip, seq + count, newest.key)
        db.execute("INSERT INTO origin VALUES (?, ?, ?, ?, ?, ?)", origin)
        return Refreshed(count, files, why)

    def _since(self, db: sqlite3.Connection, begun: str) -> tuple[str, int, str]:
        """The commit that it tells of, the number of the next event, and why it must be made anew (if it must)."""
        try:
            row = db.execute("SELECT version, branch, beginning, tip, next_seq FROM origin").fetchone()
        except sqlite3.OperationalError as error:
            if not file.is_damage(error):
                raise
            return "", 0, "there was none"
        if row is None or row[0] != _VERSION:
            return "", 0, "it was another version's"
        _, branch, beginning_then, since, seq = row
        if branch != self._branch:
            return "", 0, f"it told of {branch}"
        return since, seq, "" if beginning_then == begun else "history begins elsewhere"

    def _newest(self, db: sqlite3.Connection) -> str:
        row = db.execute("SELECT newest FROM origin").fetchone()
        return "" if row is None else str(row[0])

    def _news(self, since: str, tip: str) -> Parents | None:
        """The commits after the one that it tells of; None where they do not go on from there."""
        if not since or not tip:
            return None
        try:
            found = parents_of(self._git, tip, since)
        except AiosError:
            return None  # what it told of is no longer in the repository
        return found if follows(found, since, tip) else None


def _empty(db: sqlite3.Connection) -> None:
    """No tables but ours, and nothing in them."""
    for kind, name in list(db.execute("SELECT type, name FROM sqlite_master WHERE type IN ('table', 'view')")):
        if not str(name).startswith("sqlite_"):
            db.execute(f'DROP {kind} "{name}"')
    for statement in (*tables(), _ORIGIN):
        db.execute(statement)
