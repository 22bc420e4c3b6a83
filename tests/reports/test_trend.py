"""A trend is told from chance, and chance is not told as a trend."""

from __future__ import annotations

from itertools import permutations
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aios.reports.trend import EXACT, FEWEST, RARE, Verdict, chance_of, holm, trend

VALUES = st.lists(st.floats(0, 1e6, allow_nan=False), min_size=2, max_size=30)


@pytest.mark.parametrize("count", [FEWEST, EXACT, EXACT + 1, 12, 40])
def test_what_falls_and_what_rises_is_found_at_every_length(count: int) -> None:
    falling = [100.0 - 2 * place for place in range(count)]
    assert trend(falling).verdict is Verdict.FALLING
    assert trend(falling[::-1]).verdict is Verdict.RISING
    assert trend(falling).slope == -2
    assert (trend(falling).first, trend(falling).last) == (100, 100 - 2 * (count - 1))


def test_a_straight_line_through_noise_keeps_its_slope_whatever_one_run_does() -> None:
    chance = Random(3)
    values = [50 - 1.5 * place + chance.uniform(-4, 4) for place in range(20)]
    values[7] = 900
    found = trend(values)
    assert found.verdict is Verdict.FALLING
    assert found.slope == pytest.approx(-1.5, abs=0.3)


def test_fewer_runs_than_could_show_anything_are_too_few() -> None:
    assert trend([9, 5, 2, 1]).verdict is Verdict.TOO_FEW
    assert trend([]).verdict is Verdict.TOO_FEW
    perfect = [4.0, 3.0, 2.0, 1.0]
    assert chance_of(perfect) > RARE  # that is why


def test_the_same_every_time_is_no_trend() -> None:
    assert trend([3.0] * 12).verdict is Verdict.NONE
    assert chance_of([3.0] * 12) == 1.0


@pytest.mark.parametrize("count", [5, 7, 8, 15, 30])
def test_chance_alone_looks_like_a_trend_no_more_often_than_said(count: int) -> None:
    chance = Random(count)
    looks = [trend([chance.random() for _ in range(count)]).verdict is not Verdict.NONE for _ in range(400)]
    assert sum(looks) / len(looks) <= 0.075


def test_with_ties_the_chance_is_that_of_all_orders() -> None:
    values = (1.0, 1.0, 2.0, 2.0, 3.0)

    def score(order: tuple[float, ...]) -> int:
        pairs = [(one, two) for place, one in enumerate(order) for two in order[place + 1 :]]
        return abs(sum((two > one) - (two < one) for one, two in pairs))

    orders = list(permutations(values))
    assert chance_of(values) == sum(score(order) >= score(values) for order in orders) / len(orders)


def test_the_approximation_goes_on_where_trying_all_orders_ends() -> None:
    chance = Random(11)
    for _ in range(20):
        values = [chance.random() for _ in range(EXACT + 1)]
        orders = [chance.sample(values, len(values)) for _ in range(1_500)]
        score = _score(values)
        share = sum(_score(order) >= score for order in orders) / len(orders)
        assert chance_of(values) == pytest.approx(share, abs=0.06)


def _score(values: list[float]) -> int:
    pairs = [(one, two) for place, one in enumerate(values) for two in values[place + 1 :]]
    return abs(sum((two > one) - (two < one) for one, two in pairs))


@given(VALUES)
def test_backwards_is_the_other_way_round(values: list[float]) -> None:
    there, back = trend(values), trend(values[::-1])
    assert there.chance == pytest.approx(back.chance)
    assert there.slope == pytest.approx(-back.slope)
    turned = {Verdict.FALLING: Verdict.RISING, Verdict.RISING: Verdict.FALLING}
    assert back.verdict is turned.get(there.verdict, there.verdict)


@given(st.lists(st.floats(0, 1), max_size=12))
def test_the_more_is_asked_the_more_it_takes(chances: list[float]) -> None:
    adjusted = holm(chances)
    assert all(one <= two <= 1 for one, two in zip(chances, adjusted, strict=True))
    assert [adjusted[place] for place in sorted(range(len(chances)), key=lambda place: chances[place])] == sorted(
        adjusted
    )


def test_one_question_costs_nothing() -> None:
    assert holm([0.03]) == [0.03]
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
