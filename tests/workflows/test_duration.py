"""Durations: what counts as one, and how long it is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aios.runs.duration import LONGEST, seconds, span


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0s", 0),
        ("90s", 90),
        ("1.5m", 90),
        ("10m", 600),
        ("6h", 21_600),
        ("7d", 604_800),
        ("2w", 1_209_600),
        (" 7d ", 604_800),
    ],
)
def test_a_duration_is_a_number_and_a_unit(text: str, expected: float) -> None:
    assert seconds(text) == expected


@pytest.mark.parametrize(
    "text", ["", "7", "d", "7 d", "-7d", "+7d", "7days", "7D", "1e3s", ".5h", "5.h", "1h30m", "٣d", "nan", "∞d"]
)
def test_what_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no duration"):
        seconds(text)


@pytest.mark.parametrize("text", ["600w", "9" * 400 + "s", "3661d"])
def test_more_than_ten_years_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="more than ten years"):
        seconds(text)


@given(st.text(max_size=12))
def test_any_text_is_a_duration_or_refused(text: str) -> None:
    try:
        found = seconds(text)
    except ValueError:
        found = 0.0
    assert 0 <= found <= LONGEST


@pytest.mark.parametrize(
    ("amount", "said"), [(0, "0s"), (45, "45s"), (90, "1.5m"), (3600, "1h"), (604_800, "7d"), (0.5, "0.5s")]
)
def test_a_span_is_said_in_its_largest_unit(amount: float, said: str) -> None:
    assert span(amount) == said
