"""How far the sending of each mail came, on this machine, so that a process that dies leaves an answer.

A mark is on the disk before what it tells of happens (`sending`) or as soon as it has (`accepted`):

    begun → sending → accepted

`begun` proves that the server was never told that the message is complete; `sending` leaves it open. Losing the file
makes nothing happen twice: where there is no mark, nothing is proven.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from aios.errors import RefusedError, TransientError

_TABLE = """
CREATE TABLE IF NOT EXISTS mails (
  key TEXT PRIMARY KEY,      -- of the effect
  connector TEXT NOT NULL,
  phase TEXT NOT NULL,
  at TEXT NOT NULL,          -- when this attempt began
  message_id TEXT NOT NULL,
  reply TEXT NOT NULL,       -- the server's words on accepting it
  copy BLOB,                 -- what is still to be put into the folder of sent mail
  trouble TEXT NOT NULL      -- why the copy is not there yet
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS uncopied ON mails (connector) WHERE copy IS NOT NULL"""


class Phase(StrEnum):
    BEGUN = "begun"
    SENDING = "sending"
    ACCEPTED = "accepted"


@dataclass(frozen=True, slots=True)
class Mark:
    """`at` is the moment at which the last attempt began, ISO 8601; `reply` what the server said on accepting it."""

    phase: Phase
    at: str
    message_id: str
    reply: str


@dataclass(frozen=True, slots=True)
class Copy:
    """A sent message that has no copy among the sent ones yet."""

    key: str
    message_id: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Marks:
    """The marks of one connector. Every method raises RefusedError where the file cannot be used: without a mark,
    nothing is sent."""

    file: Path
    connector: str

    def get(self, key: str) -> Mark | None:
        """Never makes the file."""
        with self._open(make=False) as base:
            row = base.execute("SELECT phase, at, message_id, reply FROM mails WHERE key = ?", (key,)).fetchone()
        return Mark(Phase(row[0]), *row[1:]) if row else None

    def sent(self, message_id: str) -> bool:
        """Did this machine hand out a message of this identifier? Never makes the file."""
        sql = "SELECT 1 FROM mails WHERE connector = ? AND message_id = ? AND phase <> ? LIMIT 1"
        with self._open(make=False) as base:
            return base.execute(sql, (self.connector, message_id, Phase.BEGUN)).fetchone() is not None

    def begin(self, key: str, *, message_id: str, at: str) -> None:
        """An attempt begins: nothing of it was sent. Raises TransientError where another process sent it meanwhile."""
        with self._open() as base:
            base.execute("BEGIN IMMEDIATE")
            row = base.execute("SELECT phase FROM mails WHERE key = ?", (key,)).fetchone()
            if row and row[0] == Phase.ACCEPTED:
                raise TransientError(f"{message_id} was sent by another process", "nothing was sent again", sent=True)
            base.execute(
                "INSERT OR REPLACE INTO mails VALUES (?, ?, ?, ?, ?, '', NULL, '')",
                (key, self.connector, Phase.BEGUN, at, message_id),
            )
            base.execute("COMMIT")

    def sending(self, key: str, copy: bytes | None) -> None:
        """From now on nobody knows, until the server answers. `copy` is kept until it lies among the sent ones."""
        self._set(key, "phase = ?, copy = ?", Phase.SENDING, copy)

    def refused(self, key: str) -> None:
        """The server answered that it did not take the message: nothing of it was sent."""
        self._set(key, "phase = ?, copy = NULL", Phase.BEGUN)

    def accepted(self, key: str, reply: str) -> None:
        self._set(key, "phase = ?, reply = ?", Phase.ACCEPTED, reply)

    def copied(self, key: str) -> None:
        self._set(key, "copy = NULL, trouble = ''")

    def not_copied(self, key: str, why: str) -> None:
        self._set(key, "trouble = ?", why)

    def copies(self, limit: int) -> list[Copy]:
        """Accepted mails without a copy, at most so many."""
        sql = "SELECT key, message_id, copy FROM mails WHERE connector = ? AND phase = ? AND copy IS NOT NULL LIMIT ?"
        with self._open(make=False) as base:
            return [Copy(*row) for row in base.execute(sql, (self.connector, Phase.ACCEPTED, limit))]

    def uncopied(self) -> tuple[int, str]:
        """How many accepted mails have no copy, and why one of them has none."""
        sql = "SELECT COUNT(*), MAX(trouble) FROM mails WHERE connector = ? AND phase = ? AND copy IS NOT NULL"
        with self._open(make=False) as base:
            count, why = base.execute(sql, (self.connector, Phase.ACCEPTED)).fetchone()
        return int(count), str(why or "")

    def _set(self, key: str, assigned: str, *values: str | bytes | None) -> None:
        with self._open() as base:
            changed = base.execute(f"UPDATE mails SET {assigned} WHERE key = ?", (*values, key)).rowcount  # noqa: S608
        if changed != 1:
            raise RefusedError(f"the mark of {key} is gone from {self.file}", "is somebody deleting files there?")

    @contextmanager
    def _open(self, *, make: bool = True) -> Iterator[sqlite3.Connection]:
        try:
            if make:
                self.file.parent.mkdir(parents=True, exist_ok=True)
                self.file.touch(mode=0o600)  # it may hold whole mails: nobody else's to read
            place = self.file if make or self.file.exists() else ":memory:"
            # A connection of its own each time: it is never carried into a forked child.
            with closing(sqlite3.connect(place, timeout=10, isolation_level=None)) as base:
                base.execute("PRAGMA journal_mode = DELETE")
                base.execute("PRAGMA synchronous = EXTRA")  # a commit survives a power cut, the folder's entry too
                base.execute("PRAGMA fullfsync = ON")
                base.executescript(_TABLE)
                yield base
        except (sqlite3.Error, OSError) as error:
            hint = "look at the disk; where the file is damaged, move it away: what is open then becomes a question"
            raise RefusedError(f"marks of mails cannot be kept in {self.file}: {error}", hint) from error
