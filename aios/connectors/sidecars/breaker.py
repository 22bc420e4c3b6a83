"""Leaves a service alone that keeps failing, across processes and restarts: what is known of it lives in a SQLite file.

closed → (failures in a row) → open → (pause is over) half open: one call probes → closed, or open again
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from aios.connectors.sidecars.passing import Passing
from aios.connectors.sidecars.rate_limit import HeldBackError
from aios.domain.effect import Collected, Effect, Lookup, Outcome
from aios.errors import AiosError, TransientError

T = TypeVar("T")
FILE = "breakers.sqlite"
_LEASE = 600.0  # seconds after which the probe of a process that ended is given up
_TABLE = """CREATE TABLE IF NOT EXISTS breakers
    (name TEXT PRIMARY KEY, failures INTEGER NOT NULL, until REAL NOT NULL, probing REAL NOT NULL)"""


@dataclass(frozen=True, slots=True)
class Standing:
    """`failures` in a row; `until` is the moment before which nobody calls (0: closed), `probing` that until which the
    one who probes has it (0: nobody does). Seconds since the epoch."""

    failures: int = 0
    until: float = 0.0
    probing: float = 0.0


@dataclass(frozen=True, slots=True)
class Breaker(Passing):
    """`failures` in a row open it for `pause` seconds; `moment` gives seconds since the epoch.

    Only transient errors count: any other answer says that the service is there, or nothing of it. While it is open a
    call is a TransientError that says when to come back, raised before anything was sent.
    """

    failures: int
    pause: float
    file: Path
    moment: Callable[[], float]

    def lookup(self, effect: Effect) -> Lookup:
        return self._through(lambda: self.inner.lookup(effect))

    def act(self, effect: Effect) -> Outcome:
        return self._through(lambda: self.inner.act(effect))

    def read(self, capability: str, params: Mapping[str, Any]) -> Collected:
        return self._through(lambda: self.inner.read(capability, params))

    def _through(self, work: Callable[[], T]) -> T:
        self._enter()
        try:
            result = work()
        except HeldBackError:  # nobody was called
            self._leave(failed=None)
            raise
        except TransientError:
            self._leave(failed=True)
            raise
        except BaseException:
            self._leave(failed=None)
            raise
        self._leave(failed=False)
        return result

    def _enter(self) -> None:
        """Raises TransientError where nobody may call now; takes the probe where its time has come."""
        now = self.moment()
        with self._held() as connection:
            stands = _read(connection, self.name)
            if stands.until and (wait := max(stands.until, stands.probing) - now) > 0:
                said = "one call finds out whether it is back" if stands.probing > now else "it is left alone"
                raise TransientError(
                    f"{self.name} failed {stands.failures} times in a row: {said}",
                    f"see `breaker` in state/connectors/{self.name}.yaml",
                    retry_after=wait,
                    sent=False,
                )
            if stands.until:
                _write(connection, self.name, Standing(stands.failures, stands.until, now + _LEASE))

    def _leave(self, *, failed: bool | None) -> None:
        """`failed` is None where the call says nothing of the service: then the next one may probe."""
        with self._held() as connection:
            stands = _read(connection, self.name)
            if failed:
                count = stands.failures + 1
                opens = stands.until or count >= self.failures
                _write(connection, self.name, Standing(count, self.moment() + self.pause if opens else 0.0))
            elif failed is None:
                if stands.probing:
                    _write(connection, self.name, Standing(stands.failures, stands.until))
            elif stands != Standing():
                _write(connection, self.name, Standing())

    @contextmanager
    def _held(self) -> Iterator[sqlite3.Connection]:
        """A transaction that no other process reads or writes in between."""
        try:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            # A connection of its own for every call: it is never carried into a forked child.
            with closing(sqlite3.connect(self.file, timeout=10, isolation_level=None)) as connection:
                connection.execute("BEGIN IMMEDIATE")
                connection.execute(_TABLE)
                yield connection
                connection.execute("COMMIT")
        except sqlite3.Error as error:
            hint = "look at the disk; where the file is damaged, delete it: it is made anew"
            raise AiosError(f"the failures of {self.name} cannot be counted in {self.file}: {error}", hint) from error


def standing(file: Path, name: str) -> Standing:
    """How the breaker of a connector stands; closed where nothing is known or the file cannot be read."""
    try:
        with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as connection:
            return _read(connection, name)
    except sqlite3.Error:
        return Standing()


def _read(connection: sqlite3.Connection, name: str) -> Standing:
    row = connection.execute("SELECT failures, until, probing FROM breakers WHERE name = ?", (name,)).fetchone()
    return Standing(*row) if row else Standing()


def _write(connection: sqlite3.Connection, name: str, stands: Standing) -> None:
    values = (name, stands.failures, stands.until, stands.probing)
    connection.execute("INSERT OR REPLACE INTO breakers VALUES (?, ?, ?, ?)", values)
