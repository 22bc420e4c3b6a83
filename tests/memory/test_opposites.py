"""Rules are opposite only where both name the same things and one denies."""

from __future__ import annotations

import pytest

from aios.memory.opposites import opposite


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Always mention prices", "Never mention prices"),
        ("Mention prices", "Leave out prices"),
        ("Leave prices out", "State the prices"),
        ("Begin with a question", "Don’t begin with a question"),
        ("Never use exclamation marks.", "Use exclamation marks"),
        ("Preise immer nennen", "Nie Preise nennen"),
    ],
)
def test_the_same_with_and_without_a_denial_is_opposite_whichever_comes_first(one: str, other: str) -> None:
    assert opposite(one, other)
    assert opposite(other, one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Always mention prices", "Always mention prices"),
        ("Never mention prices", "Do not mention prices"),
        ("Always use short headings", "Never use long headings"),
        ("Always mention prices", "Never mention discounts"),
        ("Never say never", "Never"),
        ("", "not"),
    ],
)
def test_what_merely_differs_or_says_the_same_is_not(one: str, other: str) -> None:
    assert not opposite(one, other)
