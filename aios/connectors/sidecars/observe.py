"""Looks and never acts: mode `observe`."""

from __future__ import annotations

from dataclasses import dataclass

from aios.connectors.sidecars.passing import Passing
from aios.domain.effect import Effect, Outcome
from aios.errors import HeldError


@dataclass(frozen=True, slots=True)
class Observe(Passing):
    def act(self, effect: Effect) -> Outcome:
        """Raises HeldError, always."""
        raise HeldError(
            f"{self.name} only observes: {effect.capability} → {effect.target} was not done",
            f"`mode: live` in state/connectors/{self.name}.yaml allows it",
        )
