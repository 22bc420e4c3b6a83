"""Calls a service no more often than agreed, across processes and restarts: the count lives in a SQLite file."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aios.connectors.sidecars.passing import Passing
from aios.domain.effect import Collected, Effect, Lookup, Outcome
from aios.errors import AiosError, TransientError

_NAMES = {1: "second", 60: "minute", 3_600: "hour", 86_400: "day"}


class HeldBackError(TransientError):
    """The service was called as often as agreed; this call was not made."""


@dataclass(frozen=True, slots=True)
class RateLimit(Passing):
    """`rates` are (calls, seconds); `moment` gives seconds since the epoch.

    A call that comes too early is held back for up to `patience` seconds (`pause` waits); then it is a HeldBackError
    that says when to come back, raised before anything was sent.
    """

    rates: Sequence[tuple[int, float]]
    file: Path
    moment: Callable[[], float]
    pause: Callable[[float], None]
    patience: float = 30.0

    def lookup(self, effect: Effect) -> Lookup:
        self._wait()
        return self.inner.lookup(effect)

    def act(self, effect: Effect) -> Outcome:
        self._wait()
        return self.inner.act(effect)

    def read(self, capability: str, params: Mapping[str, Any]) -> Collected:
        self._wait()
        return self.inner.read(capability, params)

    def _wait(self) -> None:
        left = self.patience
        while (seconds := self._counted()) > 0:
            if seconds > left:
                said = " and ".join(f"{calls} a {_NAMES.get(int(span), f'{span:g} s')}" for calls, span in self.rates)
                raise HeldBackError(
                    f"{self.name} was called as often as allowed ({said})",
                    f"see `limits` in state/connectors/{self.name}.yaml",
                    retry_after=seconds,
                    sent=False,
                )
            left -= seconds
            self.pause(seconds)

    def _counted(self) -> float:
        try:
            return self._take()
        except sqlite3.Error as error:
            hint = "look at the disk; where the file is damaged, delete it: it is made anew"
            raise AiosError(f"the calls of {self.name} cannot be counted in {self.file}: {error}", hint) from error

    def _take(self) -> float:
        """Seconds until the call may be made; 0 where it may be made now, and is counted."""
        from pyrate_limiter import Rate, RateItem, SQLiteBucket

        self.file.parent.mkdir(parents=True, exist_ok=True)
        rates = [Rate(calls, int(span * 1000)) for calls, span in sorted(self.rates, key=lambda rate: rate[1])]
        table = f"calls_{self.name.replace('-', '_')}"
        # A connection of its own for every call: it is never carried into a forked child.
        with closing(sqlite3.connect(self.file, timeout=10, isolation_level=None)) as connection:
            connection.execute(f"CREATE TABLE IF NOT EXISTS '{table}' (name VARCHAR, item_timestamp INTEGER)")
            connection.execute("BEGIN IMMEDIATE")
            bucket = SQLiteBucket(rates, connection, table)
            now = int(self.moment() * 1000)
            item = RateItem(self.name, now)
            if bucket.put(item):
                connection.execute("BEGIN IMMEDIATE")
                bucket.leak(now)
                return 0.0
            wait = bucket.waiting(item)
            connection.rollback()
            return max(1, int(str(wait))) / 1000
