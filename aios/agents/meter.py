"""What an attempt's models cost: counted, held to the contract's budget, and told while they answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from aios.domain.model import Listen, Model, ModelReply, Request, Terms, Usage
from aios.errors import OverBudgetError


@dataclass(slots=True)
class Spent:
    """What an attempt used so far. `unpriced` tells that a model's price is not known; `tiers` how each tier did."""

    usage: Usage = field(default_factory=Usage)
    usd: float = 0.0
    calls: int = 0
    models: list[str] = field(default_factory=list)
    unpriced: bool = False
    hits: int = 0
    saved: float = 0.0
    tiers: dict[str, str] = field(default_factory=dict)

    def add(self, model: Model, reply: ModelReply) -> None:
        cost = model.cost(reply.usage)
        if reply.saved.total:
            self.hits += 1
            self.saved += model.cost(reply.saved) or 0.0
        self.usage += reply.usage
        self.usd += cost or 0.0
        self.unpriced = self.unpriced or cost is None
        self.calls += 1
        if reply.model not in self.models:
            self.models.append(reply.model)

    def as_dict(self) -> dict[str, Any]:
        told: dict[str, Any] = {
            "usd": round(self.usd, 6),
            "input": self.usage.input,
            "output": self.usage.output,
            "calls": self.calls,
        }
        if self.hits:
            told |= {"hits": self.hits, "saved_usd": round(self.saved, 6)}
        if self.tiers:
            told |= {"tiers": dict(self.tiers)}
        marks = {"estimated": self.usage.estimated, "unpriced": self.unpriced}
        return {**told, "models": self.models, **{name: True for name, holds in marks.items() if holds}}


def _nothing(_: int) -> None:
    return


@dataclass(frozen=True, slots=True)
class Metered:
    """A model on the terms of one attempt. `limit` is in dollars, 0 for none; `left` gives the seconds that are left.

    A call is made as long as the limit is not reached, so it is exceeded by one call at most.
    """

    inner: Model
    spent: Spent
    terms: Terms = field(default_factory=Terms)
    limit: float = 0.0
    left: Callable[[], float | None] = lambda: None
    hear: Listen = _nothing

    @property
    def name(self) -> str:
        return self.inner.name

    def cost(self, usage: Usage) -> float | None:
        return self.inner.cost(usage)

    def complete(self, request: Request, listen: Listen) -> ModelReply:
        granted = self.limit * (1 + self.terms.grants)
        if granted and self.spent.usd >= granted:
            raise OverBudgetError(
                f"{self.terms.agent} has spent {self.spent.usd:.2f} USD, all that its contract grants"
            )

        def hear(size: int) -> None:
            self.hear(size)
            listen(size)

        terms = replace(self.terms, seconds=self.left())
        reply = self.inner.complete(replace(request, terms=terms), hear)
        self.spent.add(self.inner, reply)
        return reply
