"""Offers no more of a connector than the operator allows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aios.connectors.sidecars.passing import Passing
from aios.domain.effect import Capability, Collected, Effect, Outcome
from aios.errors import HeldError


@dataclass(frozen=True, slots=True)
class Allowed(Passing):
    """`names` are the capabilities that may be used."""

    names: frozenset[str]

    def capabilities(self) -> Mapping[str, Capability]:
        return {name: found for name, found in self.inner.capabilities().items() if name in self.names}

    def act(self, effect: Effect) -> Outcome:
        self._refuse(effect.capability)
        return self.inner.act(effect)

    def read(self, capability: str, params: Mapping[str, Any]) -> Collected:
        self._refuse(capability)
        return self.inner.read(capability, params)

    def _refuse(self, capability: str) -> None:
        if capability not in self.names:
            raise HeldError(f"{self.name} may not be used for {capability}", f"see state/connectors/{self.name}.yaml")
