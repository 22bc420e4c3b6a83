"""Two years of effects, four a day, quarter by quarter: `python -m tests.benchmarks ledger_years`, some minutes.

Each effect is claimed, receipted and, once a day, the object store is kept small as after every run; three claims stay
open all the time. The peer is a table of the same keys in SQLite, synced in full. Of each quarter: what an effect
costs, what asking for one costs, what asking for all open ones costs, and the bytes on disk per effect. The last lines
hold the old ledger against one of ten days, in turn: all of it has to stay flat.
"""

from __future__ import annotations

import random
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median

from aios.domain.effect import Claim, HowKnown, Receipt
from aios.domain.keys import key_of
from aios.effects.ledger import Ledger
from aios.store.git import Git
from aios.store.maintain import maintain
from tests.benchmarks.durable_step import Row

DAYS, A_DAY, QUARTERS = 91, 4, 8  # days of a quarter
OPEN = 3  # claims that nobody settled
ASKED = 100
YOUNG = 10  # days of the ledger that the old one is held against
START = datetime(2024, 1, 1, 9, tzinfo=UTC)
WHAT = {
    "effect": "claim and receipt, ms",
    "look-up": "look-up of one of all, ms",
    "open": "all open claims, ms",
    "bytes": "KB on disk per effect",
}
FLAT = "≤ 1.5"


class Books:
    """Our ledger and the peer's table, with the same effects in them."""

    def __init__(self, folder: Path) -> None:
        self.git = Git.init(folder / "company")
        self.ledger = Ledger(self.git)
        self.file = folder / "peer.sqlite"
        self.peer = sqlite3.connect(self.file, isolation_level=None)
        for line in (
            "PRAGMA journal_mode = WAL",
            "PRAGMA synchronous = FULL",
            "CREATE TABLE effects (key TEXT PRIMARY KEY, claim TEXT, receipt TEXT) WITHOUT ROWID",
            "CREATE INDEX unsettled ON effects (key) WHERE receipt IS NULL",
        ):
            self.peer.execute(line)
        self.keys: list[str] = []

    def live(self, day: int) -> list[tuple[float, float]]:
        """A day's effects; the seconds that each cost, ours and the peer's."""
        spent = []
        for number in range(A_DAY):
            key = key_of("effect", day, number)
            self.keys.append(key)
            at = (START + timedelta(days=day, minutes=number)).strftime("%Y-%m-%dT%H:%M:%SZ")
            claim = _claim(key, at, number)
            receipt = Receipt(key, "done", HowKnown.ACTED, at, f"post-{day}", f"https://test.example/{day}/", key)
            told = (claim, None if len(self.keys) <= OPEN else receipt)
            spent.append((_timed(self._ours, *told), _timed(self._peers, *told)))
        maintain(self.git)
        return spent

    def _ours(self, claim: Claim, receipt: Receipt | None) -> None:
        assert self.ledger.claim(claim)
        assert receipt is None or self.ledger.receipt(receipt)

    def _peers(self, claim: Claim, receipt: Receipt | None) -> None:
        self.peer.execute("INSERT INTO effects VALUES (?, ?, NULL)", (claim.key, repr(claim)))
        if receipt is not None:
            self.peer.execute("UPDATE effects SET receipt = ? WHERE key = ?", (repr(receipt), receipt.key))

    def _peer(self, key: str) -> object:
        return self.peer.execute("SELECT claim, receipt FROM effects WHERE key = ?", (key,)).fetchone()

    def _peers_open(self) -> object:
        return self.peer.execute("SELECT claim FROM effects WHERE receipt IS NULL").fetchall()

    def look(self, chance: random.Random) -> dict[str, tuple[float, float]]:
        """What asking costs now, in milliseconds, and the kilobytes per effect: ours and the peer's."""
        asked = chance.choices(self.keys, k=ASKED)
        with Git(self.git.root) as fresh:  # as a new process finds it
            ledger = Ledger(fresh)
            ledger.get(asked[0])
            looked = median(_timed(ledger.get, key) for key in asked)
            assert len(ledger.unsettled()) == OPEN
            opened = median(_timed(ledger.unsettled) for _ in range(10))
        peer = median(_timed(self._peer, key) for key in asked)
        theirs = median(_timed(self._peers_open) for _ in range(10))
        self.peer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        sizes = _size(self.git.dir / "objects"), self.file.stat().st_size
        return {
            "look-up": (looked * 1e3, peer * 1e3),
            "open": (opened * 1e3, theirs * 1e3),
            "bytes": (sizes[0] / 1024 / len(self.keys), sizes[1] / 1024 / len(self.keys)),
        }


def _claim(key: str, at: str, number: int) -> Claim:
    target = f"https://test.example/{number}/"
    return Claim(key, "publish-content/x/y", "publish", "site", "cms.publish", target, key, "0" * 40, "here:1", at)


def _timed(work: Callable[..., object], *given: object) -> float:
    started = time.perf_counter()
    work(*given)
    return time.perf_counter() - started


def _size(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def run() -> Iterator[Row]:
    chance = random.Random(5)
    with tempfile.TemporaryDirectory() as place:
        books = Books(Path(place))
        with books.git, closing(books.peer):
            for quarter in range(QUARTERS):
                spent = [each for day in range(DAYS) for each in books.live(quarter * DAYS + day)]
                ours, peers = (median(column) * 1e3 for column in zip(*spent, strict=True))
                for name, (one, other) in {"effect": (ours, peers), **books.look(chance)}.items():
                    label = f"after {3 * (quarter + 1)} months, {len(books.keys):,} effects: {WHAT[name]}"
                    yield Row(label, one, other, one / other, "")
            yield from _aged(books, Path(place) / "young", chance)


def _aged(old: Books, folder: Path, chance: random.Random) -> Iterator[Row]:
    """The old ledger against one that begins today, day by day in turn, so that a busy machine slows both."""
    folder.mkdir()
    young = Books(folder)
    with young.git, closing(young.peer):
        spent: dict[str, list[float]] = {"old": [], "young": []}
        for day in range(YOUNG):
            spent["old"] += [ours for ours, _ in old.live(QUARTERS * DAYS + day)]
            spent["young"] += [ours for ours, _ in young.live(day)]
        costs = {name: {"effect": median(spent[name]) * 1e3} for name in spent}
        for name, books in (("old", old), ("young", young)):
            costs[name] |= {what: ours for what, (ours, _) in books.look(chance).items() if what != "bytes"}
    for what, one in costs["old"].items():
        other = costs["young"][what]
        yield Row(f"{len(old.keys):,} effects against {len(young.keys)}: {WHAT[what]}", one, other, one / other, FLAT)
