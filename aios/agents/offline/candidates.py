"""Passages that may answer a question, and which do best: by relevance and novelty, no two that say the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aios.agents.offline.holdings import Held
from aios.agents.offline.material import Unit
from aios.agents.offline.relevance import query_of
from aios.agents.offline.text.language import Language
from aios.agents.offline.text.passages import Passage
from aios.agents.offline.text.ranking import choose, corpus
from aios.agents.offline.text.similarity import jaccard, shingles
from aios.agents.offline.text.words import bag

MOST = 9  # passages in a note
DUPLICATE = 0.5  # shared shingles from which two passages say the same


@dataclass(frozen=True, slots=True)
class Candidate:
    unit: Unit
    passage: Passage
    text: str
    planned: bool
    held: Held | None = None


@dataclass(frozen=True, slots=True)
class Ranked:
    """What was chosen, best first; how many near-duplicates were dropped; by unit, what had no room."""

    chosen: list[Candidate]
    dropped: int
    left: Counter[tuple[str, int]]


def rank(
    candidates: Sequence[Candidate],
    worth: Mapping[tuple[str, int], float],
    question: Mapping[str, Any],
    known: Language,
) -> Ranked:
    """Best first by relevance and novelty; near-duplicates dropped."""
    if not candidates:
        return Ranked([], 0, Counter())
    space = corpus([bag(candidate.text, known) for candidate in candidates])
    query = query_of(f"{question['section']} {question['text']}", known)
    words = [space.score(query, index) for index in range(len(candidates))]
    most = max(words) or 1.0
    merit: dict[int, float] = {}
    for index, candidate in enumerate(candidates):
        place = candidate.unit.passages.index(candidate.passage)
        merit[index] = (
            worth[candidate.unit.source.path, candidate.unit.at]
            + 0.6 * words[index] / most
            + (0.5 if candidate.passage.opening else 0.0)
            - 0.06 * place
            + min(0.2, candidate.passage.words / 300)
        )
    prints = [shingles(candidate.text, known) for candidate in candidates]
    unique: list[int] = []
    for index in sorted(merit, key=lambda index: (-merit[index], index)):
        if all(jaccard(prints[index], prints[other]) < DUPLICATE for other in unique):
            unique.append(index)
    chosen = choose(unique, merit, lambda one, two: jaccard(prints[one], prints[two]), limit=MOST)
    keys = [(candidate.unit.source.path, candidate.unit.at) for candidate in candidates]
    left = Counter(
        keys[index]
        for index in set(range(len(candidates))) - set(chosen)
        if all(keys[one] != keys[index] or jaccard(prints[one], prints[index]) < DUPLICATE for one in chosen)
    )
    return Ranked([candidates[index] for index in chosen], len(candidates) - len(unique), left)
