"""What models cost, day by day: reserved before a call, settled after it, in one file for all processes here.

A reservation counts as long as its process lives, an hour at most; then what its call had sent is counted, and no more.
The file may be deleted: it is made again from the usage that the log tells (calls that broke off are then forgotten).
It is this clone's: what another machine spent counts here once its runs have arrived and the file was made anew.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from pathlib import Path

from aios.domain.model import Terms
from aios.errors import AiosError

LONGEST = 3_600.0  # seconds that a reservation may count
_SCHEMA = """CREATE TABLE calls (
  number INTEGER PRIMARY KEY, at REAL NOT NULL, day TEXT NOT NULL, run TEXT NOT NULL, step TEXT NOT NULL,
  agent TEXT NOT NULL, model TEXT NOT NULL, usd REAL NOT NULL, tokens INTEGER NOT NULL,
  worker TEXT NOT NULL, sent_usd REAL NOT NULL, sent_tokens INTEGER NOT NULL)"""
_INSERT = "INSERT INTO calls VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"


@dataclass(frozen=True, slots=True)
class Amount:
    usd: float = 0.0
    tokens: int = 0


@dataclass(frozen=True, slots=True)
class Past:
    """One settled cost that the log tells."""

    at: datetime
    run: str
    step: str
    agent: str
    amount: Amount


@dataclass(frozen=True, slots=True)
class Sums:
    """What was spent, reservations included: today, this month, by the run, by its step."""

    day: Amount = field(default_factory=Amount)
    month: Amount = field(default_factory=Amount)
    run: Amount = field(default_factory=Amount)
    step: Amount = field(default_factory=Amount)


@dataclass(frozen=True, slots=True)
class Spending:
    """`zone` decides when a day begins; `worker` names this process, `alive` tells whether another one still is;
    `past` gives this month's costs from the log."""

    file: Path
    clock: Callable[[], datetime]
    zone: tzinfo
    worker: Callable[[], str]
    alive: Callable[[str], bool | None]
    past: Callable[[], Iterable[Past]] = tuple

    def sums(self, terms: Terms | None = None) -> Sums:
        with self._opened() as db:
            self._bury(db)
            return self._sums(db, terms or Terms())

    def reserve(self, terms: Terms, model: str, most: Amount, sent: Amount, allow: Callable[[Sums], None]) -> int:
        """Reserve `most` for a call, of which `sent` is certain once it is made; its number.

        `allow` sees what was spent so far and raises where the call may not be made; nobody else reserves meanwhile.
        """
        with self._opened() as db:
            self._bury(db)
            allow(self._sums(db, terms))
            row = (*self._row(self.clock(), terms, model, most), self.worker(), sent.usd, sent.tokens)
            return db.execute(_INSERT, row).lastrowid or 0

    def settle(self, number: int, amount: Amount) -> None:
        """What the call cost in the end; nothing at all is forgotten."""
        with self._opened() as db:
            if amount.tokens or amount.usd:
                change = "UPDATE calls SET usd = ?, tokens = ?, worker = '' WHERE number = ?"
                db.execute(change, (amount.usd, amount.tokens, number))
            else:
                db.execute("DELETE FROM calls WHERE number = ?", (number,))

    def _sums(self, db: sqlite3.Connection, terms: Terms) -> Sums:
        day = self._day(self.clock())

        def total(where: str, *values: str) -> Amount:
            asked = f"SELECT coalesce(sum(usd), 0.0), coalesce(sum(tokens), 0) FROM calls WHERE {where}"  # noqa: S608
            return Amount(*db.execute(asked, values).fetchone())

        month = total("day >= ? AND day <= ?", f"{day[:7]}-01", f"{day[:7]}-31")
        run = total("run = ?", terms.run) if terms.run else Amount()
        step = total("run = ? AND step = ?", terms.run, terms.step) if terms.run else Amount()
        return Sums(total("day = ?", day), month, run, step)

    def _bury(self, db: sqlite3.Connection) -> None:
        """What a dead process had reserved counts as what it had sent."""
        old = self.clock().timestamp() - LONGEST
        for number, at, worker in db.execute("SELECT number, at, worker FROM calls WHERE worker != ''").fetchall():
            if at < old or self.alive(worker) is False:
                lost = "UPDATE calls SET usd = sent_usd, tokens = sent_tokens, worker = '' WHERE number = ?"
                db.execute(lost, (number,))

    def _row(self, at: datetime, terms: Terms, model: str, amount: Amount) -> tuple[object, ...]:
        told = (terms.run, terms.step, terms.agent, model, amount.usd, amount.tokens)
        return (at.timestamp(), self._day(at), *told)

    def _day(self, at: datetime) -> str:
        return at.astimezone(self.zone).date().isoformat()

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        """The file within a transaction of its own, made where it is missing. A connection is never forked."""
        try:
            with closing(sqlite3.connect(self.file, timeout=30, isolation_level=None)) as db:
                db.execute("BEGIN IMMEDIATE")
                if not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'calls'").fetchone():
                    self._fill(db)
                yield db
                db.execute("COMMIT")
        except sqlite3.Error as error:
            hint = "look at the disk; where the file is damaged, delete it: it is made again from the log"
            raise AiosError(f"what models cost cannot be counted in {self.file}: {error}", hint) from error

    def _fill(self, db: sqlite3.Connection) -> None:
        db.execute(_SCHEMA)
        db.execute("CREATE INDEX calls_by_day ON calls (day)")
        db.execute("CREATE INDEX calls_by_run ON calls (run, step)")
        for each in self.past():
            terms = Terms(each.run, each.step, each.agent)
            db.execute(_INSERT, (*self._row(each.at, terms, "", each.amount), "", 0.0, 0))
