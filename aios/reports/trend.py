"""Is there a trend, or only chance? The slope of a short series, and how often chance alone would be as steep.

The slope is Theil and Sen's: the median of the slopes of all pairs, which one odd run does not bend. Whether it is more
than chance is Kendall's test on the order of the values: exact for short series (all their orders are tried), by the
normal approximation, with ties and continuity allowed for, beyond. Where several measures are looked at, the least
likely of many is likely to look special; `holm` makes up for it.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import combinations, permutations
from statistics import median

FEWEST = 5  # of four values not even a perfect order is rarer than one in twelve
EXACT = 7  # values up to which all orders are tried
RARE = 0.05


class Verdict(StrEnum):
    FALLING = "falling"
    RISING = "rising"
    NONE = "no trend"
    TOO_FEW = "too few"


@dataclass(frozen=True, slots=True)
class Trend:
    """`slope` is the change from one value to the next; `first` and `last` are where the line through the values
    begins and ends; `chance` is how often chance alone gives as clear an order (0 to 1).
    """

    verdict: Verdict
    count: int
    slope: float = 0.0
    first: float = 0.0
    last: float = 0.0
    chance: float = 1.0

    @property
    def change(self) -> float | None:
        """The share gained or lost from the line's beginning to its end; None where it begins at nothing."""
        return (self.last - self.first) / self.first if self.first > 0 else None


def trend(values: Sequence[float], *, chance: float | None = None) -> Trend:
    """The trend of values in their order. `chance` stands in for the test's own where several are looked at."""
    count = len(values)
    if count < FEWEST:
        return Trend(Verdict.TOO_FEW, count)
    slope = median((values[two] - values[one]) / (two - one) for one, two in combinations(range(count), 2))
    first = median(value - slope * place for place, value in enumerate(values))
    rare = chance_of(values) if chance is None else chance
    verdict = Verdict.NONE if rare > RARE else Verdict.RISING if _score(values) > 0 else Verdict.FALLING
    return Trend(verdict, count, slope, first, first + slope * (count - 1), rare)


def chance_of(values: Sequence[float]) -> float:
    """How often values in a random order are at least as much in order as these, either way round."""
    score = abs(_score(values))
    if score == 0:
        return 1.0
    if len(values) <= EXACT:
        orders = [abs(_score(order)) >= score for order in permutations(values)]
        return sum(orders) / len(orders)
    spread = math.sqrt(_variance(values))
    return math.erfc(max(0.0, score - 1) / spread / math.sqrt(2))


def holm(chances: Sequence[float]) -> list[float]:
    """The chances with the number of questions asked allowed for (Holm's way), in the same order."""
    adjusted = [1.0] * len(chances)
    reached = 0.0
    for rank, place in enumerate(sorted(range(len(chances)), key=lambda place: chances[place])):
        reached = max(reached, min(1.0, chances[place] * (len(chances) - rank)))
        adjusted[place] = reached
    return adjusted


def _score(values: Sequence[float]) -> int:
    """Pairs that rise less pairs that fall."""
    return sum((two > one) - (two < one) for one, two in combinations(values, 2))


def _variance(values: Sequence[float]) -> float:
    count = len(values)
    ties = sum(n * (n - 1) * (2 * n + 5) for n in Counter(values).values())
    return (count * (count - 1) * (2 * count + 5) - ties) / 18
