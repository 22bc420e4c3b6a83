"""The sidecar that does nothing: what the others are made from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aios.domain.effect import Capability, Collected, Connector, Effect, Lookup, Outcome, Preview, Receipt
from aios.domain.finding import Finding


@dataclass(frozen=True, slots=True)
class Passing:
    """Hands everything on to the connector within."""

    inner: Connector

    @property
    def name(self) -> str:
        return self.inner.name

    def capabilities(self) -> Mapping[str, Capability]:
        return self.inner.capabilities()

    def target(self, capability: str, payload: Mapping[str, Any]) -> str:
        return self.inner.target(capability, payload)

    def preview(self, effect: Effect) -> Preview:
        return self.inner.preview(effect)

    def lookup(self, effect: Effect) -> Lookup:
        return self.inner.lookup(effect)

    def act(self, effect: Effect) -> Outcome:
        return self.inner.act(effect)

    def undo(self, effect: Effect, receipt: Receipt) -> Effect | None:
        return self.inner.undo(effect, receipt)

    def read(self, capability: str, params: Mapping[str, Any]) -> Collected:
        return self.inner.read(capability, params)

    def check(self) -> Sequence[Finding]:
        return self.inner.check()
