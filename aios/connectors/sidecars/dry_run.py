"""Shows what would be sent and sends nothing: mode `dry-run`."""

from __future__ import annotations

from dataclasses import dataclass

from aios.connectors.sidecars.passing import Passing
from aios.domain.effect import Effect, Outcome


@dataclass(frozen=True, slots=True)
class DryRun(Passing):
    def act(self, effect: Effect) -> Outcome:
        """An outcome that says it was not sent; its response is what would have been."""
        response = {"capability": effect.capability, "target": effect.target, "payload": dict(effect.payload)}
        return Outcome(external_id="", url="", response=response, sent=False)
