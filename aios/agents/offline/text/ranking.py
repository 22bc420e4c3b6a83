"""BM25 over a handful of texts, and the choice of what is both relevant and new (maximal marginal relevance)."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

_K1 = 1.2
_B = 0.6


@dataclass(frozen=True, slots=True)
class Corpus:
    """Bags of stems with what BM25 needs of them all."""

    bags: tuple[Mapping[str, float], ...]
    lengths: tuple[float, ...]
    frequency: Mapping[str, int]
    average: float

    def idf(self, term: str) -> float:
        """Always positive; a term that is in every text still counts a little."""
        return math.log(1 + (len(self.bags) + 0.5) / (self.frequency.get(term, 0) + 0.5))

    def score(self, query: Mapping[str, float], index: int) -> float:
        bag, length = self.bags[index], self.lengths[index]
        total = 0.0
        for term, weight in query.items():
            count = bag.get(term, 0.0)
            if count:
                total += weight * self.idf(term) * count / (count + _K1 * (1 - _B + _B * length / self.average))
        return total

    def weighted(self, index: int) -> dict[str, float]:
        """The text as a tf-idf vector, for cosines."""
        return {term: (1 + math.log(count)) * self.idf(term) for term, count in self.bags[index].items() if count >= 1}


def corpus(bags: Sequence[Mapping[str, float]]) -> Corpus:
    frequency: Counter[str] = Counter()
    for bag in bags:
        frequency.update(bag.keys())
    lengths = tuple(float(sum(bag.values())) for bag in bags)
    return Corpus(tuple(bags), lengths, frequency, (sum(lengths) / len(lengths) if lengths else 0.0) or 1.0)


def choose(
    candidates: Sequence[int],
    relevance: Mapping[int, float],
    alike: Callable[[int, int], float],
    *,
    limit: int,
    novelty: float = 0.35,
) -> list[int]:
    """At most `limit` candidates, each the best of the rest by relevance less likeness to those already chosen."""
    best = max((relevance[index] for index in candidates), default=0.0) or 1.0
    left = list(candidates)
    likeness = dict.fromkeys(left, 0.0)
    chosen: list[int] = []
    while left and len(chosen) < limit:
        pick = max(
            left, key=lambda index: ((1 - novelty) * relevance[index] / best - novelty * likeness[index], -index)
        )
        left.remove(pick)
        chosen.append(pick)
        for index in left:
            likeness[index] = max(likeness[index], alike(pick, index))
    return chosen
