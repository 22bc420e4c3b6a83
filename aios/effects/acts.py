"""The ledger by day, target and money: what policies and caps ask, and which claims nothing has settled.

A cache beside the repository (`.git/aios/acts.sqlite`), brought up to date by the files that are new since it was; it
may be deleted at any time. Whether an effect may be done is never read from here, but from the ledger itself.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path
from typing import TypeVar

from aios.domain.measure import Total
from aios.domain.names import LEDGER
from aios.effects.entries import read
from aios.errors import AiosError
from aios.store.git import Git

_VERSION = 1  # of the table; another is made anew
_SCHEMA = (
    "DROP TABLE IF EXISTS tip",
    "DROP TABLE IF EXISTS acts",
    "CREATE TABLE tip (commit_id TEXT)",
    """CREATE TABLE acts (
      key TEXT PRIMARY KEY, connector TEXT, capability TEXT, target TEXT, at TEXT, amount INTEGER, currency TEXT,
      claims INTEGER DEFAULT 0, absences INTEGER DEFAULT 0, done INTEGER DEFAULT 0
    ) WITHOUT ROWID""",
    "CREATE INDEX by_target ON acts (capability, target)",
    "CREATE INDEX by_day ON acts (at)",
    "CREATE INDEX unsettled ON acts (key) WHERE done = 0 AND claims > absences",
    f"PRAGMA user_version = {_VERSION}",
)
_FILE = re.compile(r"[0-9a-f]{2}/(?P<key>[0-9a-f]+)/(?P<kind>claim|absent|receipt)(?:-(?P<number>\d+))?\.yaml")
_HAPPENED = "claims > 0 AND (done OR claims > absences)"  # or may have: what nobody settled counts
T = TypeVar("T")


class Acts:
    """What was done or may have been, as far as the ledger tells it when asked."""

    def __init__(self, git: Git) -> None:
        self._git = git

    def open(self) -> list[str]:
        """Keys of claims without a receipt or a word."""
        # Left to itself, SQLite walks all acts by their day, to spare itself the sorting of a few.
        rows = self._query(
            "SELECT key FROM acts INDEXED BY unsettled WHERE done = 0 AND claims > absences ORDER BY at, key"
        )
        return [str(row[0]) for row in rows]

    def since(self, moment: str) -> list[Total]:
        """Totals of what was claimed since a moment (ISO 8601 UTC) and happened."""
        kinds = "connector, capability, currency"
        where = f"at >= ? AND {_HAPPENED}"
        sql = f"SELECT {kinds}, count(*), sum(amount) FROM acts WHERE {where} GROUP BY {kinds} ORDER BY {kinds}"  # noqa: S608
        rows = self._query(sql, (moment,))
        return [Total(*row) for row in rows]

    def reached(self, capability: str, targets: Iterable[str], *, besides: frozenset[str] = frozenset()) -> set[str]:
        """Those of the targets (small letters) that such an act reached before; `besides` are keys not to count."""
        sql = f"SELECT key FROM acts WHERE capability = ? AND target = ? AND {_HAPPENED}"  # noqa: S608
        asked = list(targets)

        def ask(database: sqlite3.Connection) -> set[str]:
            found = ((each, database.execute(sql, (capability, each))) for each in asked)
            return {each for each, rows in found if any(row[0] not in besides for row in rows)}

        return self._answer(ask)

    def _query(self, sql: str, values: tuple[str, ...] = ()) -> list[tuple[str, str, str, int, int]]:
        return self._answer(lambda database: database.execute(sql, values).fetchall())

    def _answer(self, ask: Callable[[sqlite3.Connection], T]) -> T:
        """Out of the cache, brought up to date; out of one that is made anew where it cannot be used.

        Raises AiosError where none can be made either.
        """
        file = self._git.dir / "aios" / "acts.sqlite"
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            try:
                return self._asked(file, ask)
            except sqlite3.DatabaseError as error:
                if _is_busy(error):
                    raise
            for name in (file, file.with_name(f"{file.name}-journal")):  # a journal would be played back into the next
                name.unlink(missing_ok=True)
            return self._asked(file, ask)
        except (sqlite3.Error, OSError) as error:
            raise AiosError(
                f"{file} cannot be used: {error}", "it is a cache: see to the disk, or delete it"
            ) from error

    def _asked(self, file: Path, ask: Callable[[sqlite3.Connection], T]) -> T:
        with closing(sqlite3.connect(file, timeout=60.0, isolation_level=None)) as database:
            self._refresh(database)
            return ask(database)

    def _refresh(self, database: sqlite3.Connection) -> None:
        if _version(database) == _VERSION and self._known(database) == (self._git.rev(LEDGER) or ""):
            return
        database.execute("BEGIN IMMEDIATE")
        try:
            if _version(database) != _VERSION:  # made and filled in one: nobody meets it empty, or half made
                for statement in _SCHEMA:
                    database.execute(statement)
            # Read within the lock: nobody is ahead of it.
            known, tip = self._known(database), self._git.rev(LEDGER) or ""
            new = self._new(known, tip)
            if new is None:  # the branch was set back: from the beginning
                database.execute("DELETE FROM acts")
                new = self._new("", tip) or []
            self._take_in(database, new)
            database.execute("DELETE FROM tip")
            database.execute("INSERT INTO tip VALUES (?)", (tip,))
            database.execute("COMMIT")
        except BaseException:
            database.execute("ROLLBACK")
            raise

    @staticmethod
    def _known(database: sqlite3.Connection) -> str:
        row = database.execute("SELECT commit_id FROM tip").fetchone()
        return str(row[0]) if row else ""

    def _new(self, known: str, tip: str) -> list[tuple[str, str]] | None:
        """Path and blob of what was added since; None where something was taken away or changed."""
        if not tip:
            return None if known else []
        if not known:
            return [(path, oid) for path, (_, oid) in self._git.tree(tip).items()]
        if self._git.rev(known) is None:
            return None
        told = self._git.run("diff-tree", "-r", "-z", "--no-renames", known, tip).split(b"\0")
        facts, paths = told[0:-1:2], told[1::2]
        if any(not fact.endswith(b" A") for fact in facts):
            return None
        return [(path.decode(), fact.split(b" ")[3].decode()) for fact, path in zip(facts, paths, strict=False)]

    def _take_in(self, database: sqlite3.Connection, files: list[tuple[str, str]]) -> None:
        found = [(path, oid, match) for path, oid in files if (match := _FILE.fullmatch(path))]
        for _, _, match in found:
            column = {"claim": "claims", "absent": "absences", "receipt": "done"}[match["kind"]]
            database.execute(
                f"INSERT INTO acts (key, {column}) VALUES (?1, ?2)"  # noqa: S608  one of three constants
                f" ON CONFLICT (key) DO UPDATE SET {column} = max({column}, ?2)",
                (f"sha256:{match['key']}", int(match["number"] or 1)),
            )
        claims = [(path, oid) for path, oid, match in found if match["kind"] == "claim"]
        for (path, _), (_, content) in zip(claims, self._git.blobs(oid for _, oid in claims), strict=True):
            told = read(path, content)
            database.execute(
                "UPDATE acts SET connector = ?, capability = ?, target = ?, at = max(coalesce(at, ''), ?), amount = ?,"
                " currency = ? WHERE key = ?",
                (
                    told["connector"],
                    told["capability"],
                    told["target"].casefold(),
                    told["at"],
                    int(told.get("amount", 0)),
                    told.get("currency", ""),
                    told["key"],
                ),
            )


def _version(database: sqlite3.Connection) -> int:
    return int(database.execute("PRAGMA user_version").fetchone()[0])


def _is_busy(error: sqlite3.Error) -> bool:
    """Is another process at it, and nothing wrong with the file?"""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
