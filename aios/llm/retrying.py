"""Asks a model again where it failed for a passing reason: with growing pauses, or as long as the service says."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from aios.domain.model import Listen, Model, ModelReply, Request, Usage
from aios.errors import TransientError


@dataclass(frozen=True, slots=True)
class Retrying:
    """`attempts` in all, the first pause `backoff` seconds, doubled each time; a wait above `ceiling` is not waited."""

    inner: Model
    pause: Callable[[float], None]
    attempts: int = 4
    backoff: float = 1.0
    ceiling: float = 60.0

    @property
    def name(self) -> str:
        return self.inner.name

    def cost(self, usage: Usage) -> float | None:
        return self.inner.cost(usage)

    def complete(self, request: Request, listen: Listen) -> ModelReply:
        """Nothing is begun, and no pause made, that the terms leave no time for."""
        seconds, started = request.terms.seconds, time.monotonic()
        attempt = 0
        while True:
            attempt += 1
            left = None if seconds is None else seconds - (time.monotonic() - started)
            if left is not None and left <= 0:
                raise TransientError(f"{self.name} had no time left to answer in")
            try:
                return self.inner.complete(_within(request, left), listen)
            except TransientError as error:
                wait = self.backoff * 2 ** (attempt - 1) if error.retry_after is None else error.retry_after
                if attempt == self.attempts or wait > (self.ceiling if left is None else min(self.ceiling, left)):
                    raise
                self.pause(wait)


def _within(request: Request, seconds: float | None) -> Request:
    return request if seconds is None else replace(request, terms=replace(request.terms, seconds=seconds))
