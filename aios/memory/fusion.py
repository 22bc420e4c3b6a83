"""Words and meaning in one order: scores of both, each between 0 and 1 within the answer, the second by its weight.

Adding scores beats adding ranks. How much meaning may say depends on how much of the question the best passages hold in
words: where they hold nearly all of it, words know best; where the question is put in other words, meaning does.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

WEIGHT = 1.6  # of meaning, where no word of the question was found
LEAST = 0.2  # … and where all of them were
JUDGED = 5  # passages, from the best, of which one holds most of the question
TURN_WEIGHT = 0.4  # of what is said next to a turn of a conversation


class Asked(Protocol):
    """A question as a place in the space of meaning; see `aios.memory.meaning`."""

    def best(self, count: int) -> list[tuple[int, float]]:
        """(key of a text, nearness 0 to 1) of the nearest, nearest first."""
        ...

    def of(self, keys: list[int]) -> dict[int, float]:
        """The nearness of each key that has a vector."""
        ...

    @property
    def model(self) -> str:
        """The fingerprint of the model."""
        ...


def weight_of_meaning(held: float) -> float:
    """`held` is the share of the question that the best passages hold in words, 0 to 1."""
    return max(LEAST, WEIGHT * (1 - held))


def fused(words: Mapping[int, float], near: Mapping[int, float], weight: float) -> dict[int, float]:
    """Passage → score. What has no vector counts as the farthest of those that have one."""
    top = max(words.values(), default=0.0)
    low, high = min(near.values(), default=0.0), max(near.values(), default=0.0)
    span = high - low
    return {
        passage: (score / top if top > 0 else 0.0)
        + weight * ((near.get(passage, low) - low) / span if span > 0 else 0.0)
        for passage, score in words.items()
    }
