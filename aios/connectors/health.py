"""How a connector is doing: its calls and failures of the last days, from what its audit kept."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from aios.connectors.sidecars.audit import Crossing

# `refused` is none: a rule of ours, or the service's answer to what was asked. `denied` is one: it knows us no more.
_FAILED = ("transient", "failed", "denied", "broken off")


@dataclass(frozen=True, slots=True)
class Calls:
    """Of so many days: all calls, those that failed, and those that were refused."""

    days: int
    calls: int = 0
    failed: int = 0
    refused: int = 0

    @property
    def rate(self) -> float | None:
        """The share of calls that failed; None where there was none."""
        return self.failed / self.calls if self.calls else None


@dataclass(frozen=True, slots=True)
class Health:
    """Moments are ISO 8601 or empty. `words` are those of the last failure, `failing` how many failed in a row since
    the last success, `denied` tells whether the last call was turned away for its credentials. `since` is the oldest
    call that is still known of."""

    week: Calls
    month: Calls
    succeeded: str = ""
    failed: str = ""
    words: str = ""
    failing: int = 0
    denied: bool = False
    since: str = ""


def health(crossings: Iterable[Crossing], now: datetime) -> Health:
    """What crossings, oldest first, tell."""
    counted = {7: [0, 0, 0], 30: [0, 0, 0]}
    succeeded = failed = words = since = ""
    failing, denied = 0, False
    for each in crossings:
        since = since or each.at
        kind = each.outcome.partition(":")[0]
        bad, refused = kind in _FAILED, kind == "refused"
        for days, counts in counted.items():
            if now - datetime.fromisoformat(each.at) <= timedelta(days=days):
                counts[0] += 1
                counts[1] += bad
                counts[2] += refused
        if bad:
            failed, words, failing, denied = (
                each.at,
                each.outcome.partition(": ")[2] or kind,
                failing + 1,
                kind == "denied",
            )
        elif not refused:
            succeeded, failing, denied = each.at, 0, False
    week, month = (Calls(days, *counts) for days, counts in counted.items())
    return Health(week, month, succeeded, failed, words, failing, denied, since)
