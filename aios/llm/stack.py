"""The models of a company, each in its stack: cached, tried again, held to the budget, at the service's pace."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from functools import reduce
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from aios.domain.agent import Tier
from aios.domain.model import Model, Usage
from aios.domain.run import Used
from aios.errors import AiosError
from aios.llm.budget import Budgeted, Limits
from aios.llm.cache import Cached
from aios.llm.compatible import Compatible
from aios.llm.pace import Pace
from aios.llm.past import Told, quality, told_since
from aios.llm.retrying import Retrying
from aios.llm.settings import Settings, configured
from aios.llm.spending import Amount, Spending
from aios.store.git import Git

ANSWER = 4_000  # tokens of an answer, to estimate what a call may cost
_MEMORY = timedelta(days=90)  # how far back the quality of an agent's models is looked at


@dataclass(frozen=True, slots=True)
class World:
    """What the models need from the world. `local` is the folder of rebuildable files; `secret` gives keys by name;
    `worker` names this process, `alive` tells whether another is still there."""

    git: Git
    local: Path
    clock: Callable[[], datetime]
    pause: Callable[[float], None]
    secret: Callable[[str], str | None]
    worker: Callable[[], str]
    alive: Callable[[str], bool | None]


@dataclass(frozen=True, slots=True)
class Stack:
    """`company` is the data of the company's record."""

    company: Mapping[str, Any]
    world: World

    @property
    def limits(self) -> Limits:
        tiers = self.company.get("tiers")
        return Limits.of(tiers.get("limits") if isinstance(tiers, Mapping) else None)

    @property
    def spending(self) -> Spending:
        world = self.world
        file = world.local / "spending.sqlite"
        return Spending(file, world.clock, self._zone, world.worker, world.alive, self._past)

    def models(self, *, cached: bool = True) -> dict[Tier, Model]:
        """The models by tier. Not `cached`, each is asked anew, and once: to see whether it answers, nobody waits."""
        spending, limits, file = self.spending, self.limits, self.world.local / "answers.sqlite"
        found: dict[Tier, Model] = {}
        for tier, settings in configured(self.company, self.world.secret).items():
            held = Budgeted(self._service(settings), spending, limits)
            patient = Retrying(held, self.world.pause)
            found[tier] = Cached(patient, file, settings.base_url) if cached else held
        return found

    def prospects(self, agent: str, tokens: int) -> dict[str, Any]:
        """What is known before a task of that size is given to a model, by tier; and the dollars that are `left`."""
        since = (self.world.clock() - _MEMORY).isoformat()
        how = quality(told_since(self.world.git, since), agent)
        known: dict[str, Any] = {}
        for tier, settings in configured(self.company, self.world.secret).items():
            model = self._service(settings)
            usd = model.cost(Usage(tokens, ANSWER))
            known[tier.value] = {"window": model.window, **how.get(tier.value, {})}
            known[tier.value] |= {} if usd is None else {"usd": round(usd, 4)}
        with suppress(AiosError):  # whoever wants to spend is told so; this only looks
            left = self.limits.left(self.spending.sums())
            known |= {} if left is None else {"left": round(left, 4)}
        return known

    def costs(self) -> dict[str, Any]:
        """What was spent today and this month, what is granted (null: no limit), and what the cache spared."""
        sums, limits, told = self.spending.sums(), self.limits, self.told_this_month()

        def span(spent: Amount, usd: float | None, tokens: int | None) -> dict[str, Any]:
            return {"usd": round(spent.usd, 6), "tokens": spent.tokens, "limit_usd": usd, "limit_tokens": tokens}

        used = reduce(lambda so_far, each: so_far.plus(each.usage), told, Used())
        return {
            "today": span(sums.day, limits.day_usd, limits.day_tokens),
            "month": span(sums.month, limits.month_usd, limits.month_tokens),
            "cache": {"calls": used.calls, "hits": used.hits, "saved_usd": round(used.saved, 6)},
            "unpriced": sorted(used.unpriced),
        }

    def told_this_month(self) -> list[Told]:
        """The attempts of this month that asked a model."""
        month = self.world.clock().astimezone(self._zone).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        return [each for each in told_since(self.world.git, month.isoformat()) if each.at >= month]

    def _past(self) -> list[Any]:
        return [each.past for each in self.told_this_month()]

    def _service(self, settings: Settings) -> Compatible:
        world = self.world
        place = f"{settings.model} at {settings.base_url or 'OpenAI'}"
        pace = Pace(world.local / "pace.sqlite", place, lambda: world.clock().timestamp(), world.pause)
        return Compatible(settings, pace=pace)

    @property
    def _zone(self) -> tzinfo:
        try:
            return ZoneInfo(str(self.company.get("timezone") or "UTC"))
        except (ValueError, OSError, LookupError):
            return UTC
