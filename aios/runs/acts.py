"""The acts that a planned effect is made of."""

from __future__ import annotations

from aios.domain.effect import Connector, Effect, parts
from aios.domain.proposal import PlannedEffect
from aios.effects.payloads import effect_of


def acts_of(planned: PlannedEffect, run: str, connector: Connector | None) -> tuple[Effect, ...]:
    """The acts of a planned effect, each once."""
    effect = effect_of(planned, run)
    capability = connector.capabilities().get(planned.capability) if connector else None
    return tuple({part.key: part for part in parts(effect, capability)}.values()) if capability else (effect,)
