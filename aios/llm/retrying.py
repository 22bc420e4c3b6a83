"""Asks a model again where it failed for a passing reason: with growing pauses, or as long as the service says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

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
        for attempt in range(1, self.attempts):
            try:
                return self.inner.complete(request, listen)
            except TransientError as error:
                wait = self.backoff * 2 ** (attempt - 1) if error.retry_after is None else error.retry_after
                if wait > self.ceiling:
                    raise
                self.pause(wait)
        return self.inner.complete(request, listen)
