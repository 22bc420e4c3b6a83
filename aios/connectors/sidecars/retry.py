"""Tries again what failed for a passing reason, with growing pauses or as long as the service asks.

Reads and look-ups may be repeated freely. An act is repeated only where it is certain that nothing reached the service:
whether any other one happened is for the executor to find out.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from aios.connectors.sidecars.passing import Passing
from aios.domain.effect import Collected, Effect, Lookup, Outcome
from aios.errors import TransientError

T = TypeVar("T")
# The library tells of each pause by a log line; what the operator sees is the command line's to say.
logging.getLogger("stamina").addHandler(logging.NullHandler())


@dataclass(frozen=True, slots=True)
class Retry(Passing):
    """`attempts` in all; `backoff` seconds before the second one, doubled each time, `ceiling` at most. No jitter: one
    operator has no crowd to spread."""

    attempts: int = 3
    backoff: float = 1.0
    ceiling: float = 30.0

    def lookup(self, effect: Effect) -> Lookup:
        return self._again(lambda: self.inner.lookup(effect), lambda _: True)

    def act(self, effect: Effect) -> Outcome:
        return self._again(lambda: self.inner.act(effect), lambda error: not error.sent)

    def read(self, capability: str, params: Mapping[str, Any]) -> Collected:
        return self._again(lambda: self.inner.read(capability, params), lambda _: True)

    def _again(self, work: Callable[[], T], may: Callable[[TransientError], bool]) -> T:
        import stamina

        def when(error: Exception) -> bool | float:
            if not isinstance(error, TransientError) or not may(error):
                return False
            if error.retry_after is None:
                return True
            return max(0.0, error.retry_after) if error.retry_after <= self.ceiling else False

        caller = stamina.RetryingCaller(
            attempts=self.attempts,
            timeout=None,
            wait_initial=self.backoff,
            wait_max=self.ceiling,
            wait_jitter=0,
        )
        return caller(when, work)
