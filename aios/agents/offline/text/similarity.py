"""How alike two texts are: shingles for near-duplicates, cosine for topics."""

from __future__ import annotations

import math
from collections.abc import Mapping, Set
from typing import Any

from aios.agents.offline.text.language import Language
from aios.agents.offline.text.words import stems

SHINGLE = 3


def shingles(text: str, language: Language) -> frozenset[tuple[str, ...]]:
    """Runs of three stems; a shorter text is one shingle."""
    found = stems(text, language)
    if len(found) <= SHINGLE:
        return frozenset({tuple(found)}) if found else frozenset()
    return frozenset(tuple(found[index : index + SHINGLE]) for index in range(len(found) - SHINGLE + 1))


def jaccard(left: Set[Any], right: Set[Any]) -> float:
    """Shared over all, 0..1; two empty sets share nothing."""
    union = len(left | right)
    return len(left & right) / union if union else 0.0


def containment(left: Set[Any], right: Set[Any]) -> float:
    """How much of the smaller set lies in the other, 0..1."""
    smaller = min(len(left), len(right))
    return len(left & right) / smaller if smaller else 0.0


def cosine(left: Mapping[str, float], right: Mapping[str, float]) -> float:
    if len(left) > len(right):
        left, right = right, left
    product = sum(weight * right[term] for term, weight in left.items() if term in right)
    if not product:
        return 0.0
    norms = math.sqrt(sum(value * value for value in left.values()) * sum(value * value for value in right.values()))
    return product / norms
