"""The ledger by day, target and money: what policies and caps ask, and which claims nothing has settled.

A cache beside the repository (`.git/aios/acts.sqlite`), brought up to date by the files that are new since it was; it
may be deleted at any time. Whether an effect may be done is never read from here, but from the ledger itself.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

from aios.domain.measure import Total
from aios.domain.names import LEDGER
from aios.store.git import Git

_SCHEMA = """
CREATE TABLE IF NOT EXISTS tip (commit_id TEXT);
CREATE TABLE IF NOT EXISTS acts (
  key TEXT PRIMARY KEY, connector TEXT, capability TEXT, target TEXT, at TEXT, amount INTEGER, currency TEXT,
  claims INTEGER DEFAULT 0, absences INTEGER DEFAULT 0, done INTEGER DEFAULT 0
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS by_target ON acts (capability, target);
CREATE INDEX IF NOT EXISTS by_day ON acts (at);
CREATE INDEX IF NOT EXISTS unsettled ON acts (key) WHERE done = 0 AND claims > absences;
"""
_FILE = re.compile(r"[0-9a-f]{2}/(?P<key>[0-9a-f]+)/(?P<kind>claim|absent|receipt)(?:-(?P<number>\d+))?\.yaml")
_HAPPENED = "claims > 0 AND (done OR claims > absences)"  # or may have: what nobody settled counts


class Acts:
    """What was done or may have been, as far as the ledger tells it when asked."""

    def __init__(self, git: Git) -> None:
        self._git = git

    def open(self) -> list[str]:
        """Keys of claims without a receipt or a word."""
        rows = self._query("SELECT key FROM acts WHERE done = 0 AND claims > absences ORDER BY at, key")
        return [str(row[0]) for row in rows]

    def since(self, moment: str) -> list[Total]:
        """Totals of what was claimed since a moment (ISO 8601 UTC) and happened."""
        rows = self._query(
            "SELECT connector, capability, currency, count(*), sum(min(amount, 9007199254740991)) FROM acts"
            f" WHERE at >= ? AND {_HAPPENED} GROUP BY 1, 2, 3 ORDER BY 1, 2, 3",
            (moment,),
        )
        return [Total(*row) for row in rows]

    def reached(self, capability: str, targets: Iterable[str], *, besides: frozenset[str] = frozenset()) -> set[str]:
        """Those of the targets (small letters) that such an act reached before; `besides` are keys not to count."""
        found = set()
        with self._database() as database:
            for target in targets:
                sql = f"SELECT key FROM acts WHERE capability = ? AND target = ? AND {_HAPPENED}"  # noqa: S608
                if any(row[0] not in besides for row in database.execute(sql, (capability, target))):
                    found.add(target)
        return found

    def _query(self, sql: str, values: tuple[str, ...] = ()) -> list[tuple[str, str, str, int, int]]:
        with self._database() as database:
            return database.execute(sql, values).fetchall()

    def _database(self) -> closing[sqlite3.Connection]:
        """The cache, up to date."""
        file = self._git.dir / "aios" / "acts.sqlite"
        file.parent.mkdir(parents=True, exist_ok=True)
        try:
            return closing(self._opened(file))
        except sqlite3.OperationalError:
            raise
        except sqlite3.DatabaseError:
            file.unlink(missing_ok=True)  # not a database: made anew
            return closing(self._opened(file))

    def _opened(self, file: Path) -> sqlite3.Connection:
        database = sqlite3.connect(file, timeout=60.0, isolation_level=None)
        try:
            self._refresh(database)
        except BaseException:
            database.close()
            raise
        return database

    def _refresh(self, database: sqlite3.Connection) -> None:
        known = self._known(database)
        if known == (self._git.rev(LEDGER) or ""):
            return
        database.execute("BEGIN IMMEDIATE")
        try:
            known, tip = (
                self._known(database),
                self._git.rev(LEDGER) or "",
            )  # read within the lock: nobody is ahead of it
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
        if not database.execute("SELECT 1 FROM sqlite_master WHERE name = 'acts'").fetchone():
            database.executescript(_SCHEMA)
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
        from aios.effects.ledger import read

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
