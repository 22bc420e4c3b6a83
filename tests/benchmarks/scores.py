"""How good an order of documents is, given which of them are relevant."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence


def recall(found: Sequence[str], relevant: Collection[str], at: int) -> float:
    """The share of the relevant documents that stand among the first `at`."""
    return len(set(found[:at]) & set(relevant)) / len(relevant)


def ndcg(found: Sequence[str], relevant: Collection[str], at: int) -> float:
    """Discounted gain, each relevant document counting one, as a share of the best possible."""
    gained = sum(1 / math.log2(place + 2) for place, each in enumerate(found[:at]) if each in relevant)
    return gained / sum(1 / math.log2(place + 2) for place in range(min(at, len(relevant))))


def reciprocal_rank(found: Sequence[str], relevant: Collection[str]) -> float:
    """One over the place of the first relevant document; 0 where there is none."""
    return next((1 / place for place, each in enumerate(found, 1) if each in relevant), 0.0)


def quantile(values: Sequence[float], share: float) -> float:
    return sorted(values)[min(int(len(values) * share), len(values) - 1)] if values else 0.0
