"""Which model is asked first, and the words for it."""

from __future__ import annotations

import pytest

from aios.domain.agent import Tier
from aios.runs.choice import Offer, Route, choose

SMALL, LARGE = Tier.SMALL, Tier.LARGE
TINY, BIG = Offer("tiny", window=8_000, usd=0.01), Offer("big", window=128_000, usd=0.40)
BOTH = {SMALL: TINY, LARGE: BIG}


def route(lowest: Tier = Tier.OFFLINE, tokens: int = 1_000, left: float | None = None, **offers: Offer) -> Route:
    return choose(lowest, tokens, {Tier(name): offer for name, offer in offers.items()} or BOTH, left)


@pytest.mark.parametrize(
    ("found", "tiers", "why"),
    [
        (route(), (SMALL, LARGE), "small tier (tiny): the lowest that may do it, about 1,000 tokens; then large (big)"),
        (route(SMALL), (SMALL, LARGE), "the lowest that may do it"),
        (route(LARGE), (LARGE,), "the small tier may not do it: the contract asks for large"),
        (route(tokens=6_000), (LARGE,), "tiny takes 8,000 tokens, too few for about 6,000 and an answer"),
        (route(tokens=200_000), (), "big takes 128,000 tokens"),
        (route(large=Offer("big")), (LARGE,), "large tier (big)"),
        (route(LARGE, small=TINY), (), "the contract asks for large"),
        (route(left=0.05), (SMALL,), "big would cost up to 0.40 USD a call, and 0.05 are left"),
        (route(left=0.0), (SMALL, LARGE), "tiny"),
        (route(small=Offer("tiny", right=5, wrong=1)), (SMALL,), "5 of 6 answers were accepted"),
        (
            route(small=Offer("tiny", right=1, wrong=5), large=BIG),
            (LARGE, SMALL),
            "tiny comes last: 1 of 6 answers were accepted",
        ),
        (route(small=Offer("tiny", right=0, wrong=3), large=BIG), (SMALL, LARGE), "then large"),
        (route(small=Offer("tiny", right=0, wrong=9)), (SMALL,), "tiny"),
    ],
)
def test_the_lowest_tier_that_may_can_and_does_it_well_is_asked_first(
    found: Route, tiers: tuple[Tier, ...], why: str
) -> None:
    assert found.tiers == tiers
    assert why in found.why


def test_a_model_of_unknown_size_and_price_is_asked() -> None:
    found = choose(SMALL, 10**6, {SMALL: Offer("tiny")}, left=0.0)
    assert found.tiers == (SMALL,)
