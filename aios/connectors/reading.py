"""What connectors that only read have in common: they refuse everything else."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aios.domain.effect import Capability, Effect, Lookup, Outcome, Preview, Receipt
from aios.domain.event import one_line
from aios.errors import RefusedError


@dataclass(frozen=True, slots=True)
class Reader(ABC):
    """A connector without writes. Who inherits says what it offers and how it is read."""

    name: str

    @abstractmethod
    def capabilities(self) -> Mapping[str, Capability]: ...

    def target(self, capability: str, payload: Mapping[str, Any]) -> str:
        del payload
        raise self.no(capability)

    def preview(self, effect: Effect) -> Preview:
        raise self.no(effect.capability)

    def lookup(self, effect: Effect) -> Lookup:
        raise self.no(effect.capability)

    def act(self, effect: Effect) -> Outcome:
        raise self.no(effect.capability)

    def undo(self, effect: Effect, receipt: Receipt) -> Effect | None:
        del effect, receipt
        return None

    def no(self, capability: str) -> RefusedError:
        """What to raise for a capability that it does not offer."""
        offers = ", ".join(self.capabilities())
        return RefusedError(f"{self.name} only reads; it does not offer {one_line(capability)}", f"it offers {offers}")
