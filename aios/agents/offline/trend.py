"""Is a piece fading, rising or steady? Judged against its own past, and only where the numbers can carry it.

A change counts when it is large in share *and* larger than what chance and the piece's usual ups and downs explain:
three times the greater of the counting error (√n) and the spread of earlier periods (median absolute deviation).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import median

FEWEST_PERIODS = 2  # earlier ones, before anything is said
FEWEST_VIEWS = 20  # usual views of a period, below which a fall means nothing
FADED = 0.6  # of the usual
RISEN = 1.5  # times the usual
SPREADS = 3.0
_NORMAL = 1.4826  # makes the median absolute deviation comparable with a standard deviation


class Word(StrEnum):
    NEW = "new"  # too little past to compare with
    STEADY = "steady"
    RISING = "rising"
    FADING = "fading"


@dataclass(frozen=True, slots=True)
class Trend:
    """`usual` is the median of earlier periods, scaled to this one's length; `change` the share gained or lost."""

    word: Word
    usual: float
    change: float | None


def trend(earlier: Sequence[float], now: int) -> Trend:
    """`earlier` are the views of earlier periods, each scaled to the length of this one, whose views are `now`."""
    if not earlier:
        return Trend(Word.NEW, 0.0, None)
    usual = float(median(earlier))
    change = round((now - usual) / usual, 3) if usual else None
    if len(earlier) < FEWEST_PERIODS:
        return Trend(Word.NEW, usual, change)
    spread = _NORMAL * float(median(abs(value - usual) for value in earlier))
    beyond_chance = abs(now - usual) > SPREADS * max(spread, math.sqrt(max(usual, 1.0)))
    if usual >= FEWEST_VIEWS and now < FADED * usual and beyond_chance:
        return Trend(Word.FADING, usual, change)
    if now >= FEWEST_VIEWS and now > RISEN * usual and beyond_chance:
        return Trend(Word.RISING, usual, change)
    return Trend(Word.STEADY, usual, change)
