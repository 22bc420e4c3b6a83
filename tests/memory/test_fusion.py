from __future__ import annotations

import pytest

from aios.memory.fusion import LEAST, WEIGHT, fused, weight_of_meaning


def test_the_less_of_a_question_is_held_in_words_the_more_meaning_counts() -> None:
    weights = [weight_of_meaning(held / 10) for held in range(11)]
    assert weights == sorted(weights, reverse=True)
    assert (weights[0], weights[-1]) == (WEIGHT, LEAST)


def test_scores_are_put_on_one_scale_before_they_are_added() -> None:
    scores = fused({1: 40.0, 2: 20.0, 3: 0.0}, {1: 0.2, 2: 0.4, 3: 0.6}, 0.5)
    assert scores == {1: 1.0, 2: pytest.approx(0.5 + 0.25), 3: pytest.approx(0.5)}


def test_what_has_no_vector_counts_as_the_farthest() -> None:
    scores = fused({1: 1.0, 2: 1.0, 3: 1.0}, {1: 0.3, 2: 0.9}, 1.0)
    assert scores[3] == scores[1] < scores[2]


@pytest.mark.parametrize(("words", "near"), [({}, {}), ({1: 0.0}, {}), ({1: 0.0, 2: 0.0}, {1: 0.5, 2: 0.5})])
def test_nothing_and_equals_are_no_division_by_zero(words: dict[int, float], near: dict[int, float]) -> None:
    assert fused(words, near, 1.0) == dict.fromkeys(words, 0.0)
