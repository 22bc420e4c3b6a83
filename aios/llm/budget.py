"""A model held to what the company, the run and the operator grant: asked before a call, settled after it.

The limits of a day, a month and a single call are kept by what a call could cost at most, so they are not exceeded; the
run's budget is kept by what was spent, so one call may exceed it. A limit in dollars cannot be kept for a model without
a price: such a call is not made before the operator says so, and is then counted in tokens.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aios.domain.model import Listen, Model, ModelReply, Request, Terms, Usage
from aios.errors import OverBudgetError
from aios.llm.spending import Amount, Spending, Sums

_CHARS = 4  # a token, where a call broke off and nobody counted
_CALL = "one call"
_HINT = "`tiers.limits` in state/company.yaml; `aios status` tells what was spent"


@dataclass(frozen=True, slots=True)
class Limits:
    """What models may cost; None where there is no limit."""

    call_usd: float | None = None
    call_tokens: int | None = None
    day_usd: float | None = None
    day_tokens: int | None = None
    month_usd: float | None = None
    month_tokens: int | None = None

    @classmethod
    def of(cls, data: Any) -> Limits:
        """From `tiers.limits` of the company's record."""
        found: dict[str, Any] = {}
        for span in ("call", "day", "month"):
            given = data.get(span) if isinstance(data, Mapping) else None
            for unit in ("usd", "tokens"):
                if isinstance(given, Mapping) and isinstance(given.get(unit), int | float):
                    found[f"{span}_{unit}"] = given[unit]
        return cls(**found)

    @property
    def usd(self) -> bool:
        """Is any of them in dollars?"""
        return any(each is not None for each in (self.call_usd, self.day_usd, self.month_usd))

    def left(self, sums: Sums) -> float | None:
        """Dollars that may still be spent; None where nothing limits them."""
        pairs = ((self.day_usd, sums.day.usd), (self.month_usd, sums.month.usd))
        return min((max(0.0, limit - spent) for limit, spent in pairs if limit is not None), default=None)


@dataclass(frozen=True, slots=True)
class Budgeted:
    inner: Model
    spending: Spending
    limits: Limits

    @property
    def name(self) -> str:
        return self.inner.name

    def cost(self, usage: Usage) -> float | None:
        return self.inner.cost(usage)

    def complete(self, request: Request, listen: Listen) -> ModelReply:
        heard = 0

        def hear(size: int) -> None:
            nonlocal heard
            heard = size
            listen(size)

        sent = request.tokens
        terms, most = request.terms, self._amount(Usage(sent, request.max_tokens))

        def allow(sums: Sums) -> None:
            self._allow(terms, most, sums)

        number = self.spending.reserve(terms, self.name, most, self._amount(Usage(sent)), allow)
        cost = Amount()
        try:
            reply = self.inner.complete(request, hear)
            cost = self._amount(reply.usage)
        except BaseException:
            # Who had begun to answer has most likely counted it, whatever became of the rest.
            cost = self._amount(Usage(sent, heard // _CHARS + 1)) if heard else cost
            raise
        finally:
            self.spending.settle(number, cost)
        return reply

    def _amount(self, usage: Usage) -> Amount:
        return Amount(self.cost(usage) or 0.0, usage.total)

    def _allow(self, terms: Terms, most: Amount, sums: Sums) -> None:
        """Raises OverBudgetError where the call may not be made."""
        self._within_run(terms, sums.run)
        limits = self.limits
        if limits.usd and not terms.grants and self.cost(Usage(1_000, 1_000)) is None:
            raise OverBudgetError(
                f"the price of {self.name} is not known, so no limit in dollars can be kept",
                "name it: `price` of the tier in state/company.yaml",
            )
        spans: tuple[tuple[str, Amount, float | None, int | None], ...] = (
            (_CALL, Amount(), limits.call_usd, limits.call_tokens),
            ("today", sums.day, limits.day_usd, limits.day_tokens),
            ("this month", sums.month, limits.month_usd, limits.month_tokens),
        )
        for span, spent, usd, tokens in spans:
            if usd is not None and not _fits(terms, spent.usd, most.usd, usd, sums.step.usd):
                self._refuse(span, f"{spent.usd:.2f}", f"{usd:.2f} USD", f"{most.usd:.2f} USD")
            if tokens is not None and not _fits(terms, spent.tokens, most.tokens, tokens, sums.step.tokens):
                self._refuse(span, f"{spent.tokens:,}", f"{tokens:,} tokens", f"{most.tokens:,} tokens")

    def _within_run(self, terms: Terms, spent: Amount) -> None:
        if 0 < terms.run_usd <= spent.usd or 0 < terms.run_tokens <= spent.tokens:
            so_far = f"{spent.usd:.2f} USD and {spent.tokens:,} tokens"
            raise OverBudgetError(f"this run has spent {so_far}, all that its workflow grants")

    def _refuse(self, span: str, spent: str, limit: str, most: str) -> None:
        message = f"{spent} of {limit} are spent {span}, and one more call to {self.name} could cost {most}"
        if span == _CALL:
            message = f"one call to {self.name} could cost {most}, and the limit for a call is {limit}"
        raise OverBudgetError(message, _HINT)


def _fits(terms: Terms, spent: float, most: float, limit: float, by_step: float) -> bool:
    """Is there room for the call? A step that the operator let go on may spend the limit once more each time."""
    return spent + most <= limit * (1 + terms.grants) or by_step < limit * terms.grants
