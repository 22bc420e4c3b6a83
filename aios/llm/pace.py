"""The pace that a service asks for in its headers, kept by all processes here: a pause before it would refuse.

`x-ratelimit-remaining-*` says how many requests and tokens are left, `x-ratelimit-reset-*` for how long that holds.
Whoever calls takes their part off what is left, so that several processes share it. A guess that is wrong costs a pause
or a refusal, never more; where the file cannot be used, nobody waits.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

from aios.errors import TransientError

CEILING = 60.0  # seconds; a longer pause is for whoever asked to decide
_SCHEMA = """CREATE TABLE IF NOT EXISTS pace (
  service TEXT, what TEXT, remaining REAL, until REAL, PRIMARY KEY (service, what)) WITHOUT ROWID"""
_WHATS = ("requests", "tokens")
_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_SPAN = re.compile(r"(\d+(?:\.\d+)?)(ms|h|m|s)")


@dataclass(frozen=True, slots=True)
class Pace:
    """`service` names what the limits are of; `moment` gives seconds since 1970."""

    file: Path
    service: str
    moment: Callable[[], float]
    pause: Callable[[float], None]

    def keep(self, tokens: int, seconds: float | None = None) -> None:
        """Wait until a call with so many tokens may be made, and take it off what is left.

        Raises TransientError where that is longer than `seconds` or a minute.
        """
        wait = 0.0
        with suppress(sqlite3.Error, OSError):
            wait = self._take(tokens)
        if wait > (CEILING if seconds is None else min(CEILING, seconds)):
            raise TransientError(f"{self.service} takes no more for {wait:.0f} s", retry_after=wait, sent=False)
        if wait > 0:
            self.pause(wait)

    def note(self, headers: Mapping[str, str]) -> None:
        """Remember what the headers of an answer, or of a refusal, say."""
        now = self.moment()
        rows = []
        for what in _WHATS:
            remaining, reset = (
                headers.get(f"x-ratelimit-remaining-{what}", ""),
                headers.get(f"x-ratelimit-reset-{what}"),
            )
            lasts = _seconds(reset or "")
            if remaining.isdigit() and lasts is not None:
                rows.append((self.service, what, float(remaining), now + lasts))
        if not rows:
            return
        with suppress(sqlite3.Error, OSError), closing(sqlite3.connect(self.file, timeout=5.0)) as db, db:
            db.execute(_SCHEMA)
            db.executemany("INSERT OR REPLACE INTO pace VALUES (?, ?, ?, ?)", rows)

    def _take(self, tokens: int) -> float:
        """Seconds to wait; where there are none, the call is taken off."""
        if not self.file.exists():
            return 0.0
        needs = {"requests": 1, "tokens": tokens}
        now = self.moment()
        with closing(sqlite3.connect(self.file, timeout=5.0, isolation_level=None)) as db:
            db.execute("BEGIN IMMEDIATE")
            asked = "SELECT what, remaining, until FROM pace WHERE service = ? AND until > ?"
            known = db.execute(asked, (self.service, now)).fetchall()
            waits = [until - now for what, remaining, until in known if remaining < needs[what]]
            if not waits:
                less = "UPDATE pace SET remaining = remaining - ? WHERE service = ? AND what = ?"
                db.executemany(less, [(needs[what], self.service, what) for what, _, _ in known])
            db.execute("COMMIT")
        return max(waits, default=0.0)


def _seconds(text: str) -> float | None:
    """`6m0s`, `20ms` or a plain number, in seconds; None for anything else."""
    if text.replace(".", "", 1).isdigit():
        return float(text)
    found = _SPAN.findall(text)
    if not found or "".join(number + unit for number, unit in found) != text:
        return None
    return sum(float(number) * _UNITS[unit] for number, unit in found)
