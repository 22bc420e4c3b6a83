"""Which model is asked first, and why: a pure choice from what is known before anything is spent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aios.domain.agent import Tier

ORDER = (Tier.OFFLINE, Tier.SMALL, Tier.LARGE)
ANSWER = 4_000  # tokens kept free for what a model writes
ENOUGH = 4  # earlier answers, before their quality counts
GOOD = 0.5  # share of accepted answers below which a tier is no longer asked first


@dataclass(frozen=True, slots=True)
class Offer:
    """What is known of a tier's model: `window` in tokens (0: not known), `usd` of one call of the task's size (None:
    not known), and how its last answers to this agent were taken."""

    model: str
    window: int = 0
    usd: float | None = None
    right: int = 0
    wrong: int = 0

    @classmethod
    def of(cls, model: str, known: Mapping[str, Any]) -> Offer:
        names = ("window", "usd", "right", "wrong")
        return cls(model, **{name: known[name] for name in names if name in known})


@dataclass(frozen=True, slots=True)
class Route:
    """The tiers to try, in order; none where no model may do it. `why` is for the operator."""

    tiers: tuple[Tier, ...]
    why: str


def choose(lowest: Tier, tokens: int, offers: Mapping[Tier, Offer], left: float | None = None) -> Route:
    """`lowest` is the lowest tier that may do it, `tokens` the size of the task, `left` the dollars not spent yet."""
    said: list[str] = []
    fitting = _fitting(lowest, tokens, offers, said)
    first = _affordable(fitting, offers, left, said)
    proven = [tier for tier in first if not _often_wrong(offers[tier])]
    for tier in first if proven else ():
        if tier not in proven:
            each = offers[tier]
            said.append(f"{each.model} comes last: {each.right} of {each.right + each.wrong} answers were accepted")
    tiers = (*proven, *(tier for tier in first if tier not in proven)) if proven else tuple(first)
    if not tiers:
        return Route((), "; ".join(said) or "no model is configured")
    head = offers[tiers[0]]
    why = f"{tiers[0].value} tier ({head.model}): the lowest that may do it" if not said else _first(tiers[0], head)
    more = [f"then {', '.join(f'{tier.value} ({offers[tier].model})' for tier in tiers[1:])}"] if tiers[1:] else []
    record = f"{head.right} of {head.right + head.wrong} answers were accepted" if head.right + head.wrong else ""
    facts = [f"about {tokens:,} tokens", *([record] if record and tiers[0] in proven else [])]
    return Route(tiers, "; ".join([f"{why}, {', '.join(facts)}", *said, *more]))


def _first(tier: Tier, offer: Offer) -> str:
    return f"{tier.value} tier ({offer.model})"


def _fitting(lowest: Tier, tokens: int, offers: Mapping[Tier, Offer], said: list[str]) -> list[Tier]:
    found = []
    for tier in ORDER[1:]:
        offer = offers.get(tier)
        if offer is None:
            continue
        if ORDER.index(tier) < ORDER.index(lowest):
            said.append(f"the {tier.value} tier may not do it: the contract asks for {lowest.value}")
        elif offer.window and offer.window < tokens + ANSWER:
            said.append(f"{offer.model} takes {offer.window:,} tokens, too few for about {tokens:,} and an answer")
        else:
            found.append(tier)
    return found


def _affordable(tiers: list[Tier], offers: Mapping[Tier, Offer], left: float | None, said: list[str]) -> list[Tier]:
    """Without the tiers whose one call would cost more than is left, unless that is true of all."""
    if left is None:
        return tiers
    cheap = [tier for tier in tiers if (offers[tier].usd or 0.0) <= left]
    if not cheap or cheap == tiers:
        return tiers
    dear = (offers[tier] for tier in tiers if tier not in cheap)
    said += [f"{each.model} would cost up to {each.usd:.2f} USD a call, and {left:.2f} are left" for each in dear]
    return cheap


def _often_wrong(offer: Offer) -> bool:
    count = offer.right + offer.wrong
    return count >= ENOUGH and offer.right / count < GOOD
