from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from aios.agents.offline.trend import FADED, FEWEST_VIEWS, Word, trend

VIEWS = st.integers(0, 10_000)


def test_half_the_usual_is_fading_and_twice_is_rising() -> None:
    assert trend([100, 104, 96], 45).word is Word.FADING
    assert trend([100, 104, 96], 210).word is Word.RISING
    assert trend([100, 104, 96], 92) == trend([100, 104, 96], 92)
    assert trend([100, 104, 96], 92).change == -0.08


def test_without_a_past_nothing_is_said() -> None:
    assert trend([], 50) == trend([], 50)
    assert trend([], 50).word is trend([400], 2).word is Word.NEW


@given(st.lists(VIEWS, min_size=2, max_size=8), VIEWS)
def test_a_fading_piece_had_readers_and_lost_a_large_share_of_them(earlier: list[int], now: int) -> None:
    found = trend(earlier, now)
    if found.word is Word.FADING:
        assert found.usual >= FEWEST_VIEWS
        assert now < FADED * found.usual


@given(st.lists(VIEWS, min_size=2, max_size=8))
def test_the_usual_is_steady(earlier: list[int]) -> None:
    found = trend(earlier, round(trend(earlier, 0).usual))
    assert found.word is Word.STEADY
