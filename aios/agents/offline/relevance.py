"""How much a unit says about a topic."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from aios.agents.offline.material import Unit, heading_stems, parts_of
from aios.agents.offline.text.language import Language
from aios.agents.offline.text.words import stems

# Words that a topic is dressed in; they find everything.
_DRESS = frozenset(
    "handling handle working work guide introduction basics basic best practices practice overview tips common good better managing "
    "manage understanding learn learning building build doing effective effectively simple your own way ways things set setup "
    "umgang einführung grundlagen tipps".split()
)


def query_of(text: str, known: Language) -> dict[str, float]:
    """Stems with weights: words that dress a topic weigh little."""
    dress = {known.stem(word) for word in _DRESS}
    return {stem: 0.25 if stem in dress else 1.0 for stem in stems(text, known)}


def relevance(units: Sequence[Unit], topic: str, known: Language, *, focus: Sequence[str] = ()) -> list[float]:
    """A score per unit: topic words in its heading, in the headings above and in its text, times how many of them it has.

    A topic that joins two (“timeouts and retries”) is met by either. `focus` adds weight to further words.
    """
    if not units:
        return []
    frequency: Counter[str] = Counter()
    headings = [heading_stems(unit, known) for unit in units]
    trails = [set(stems(" ".join((unit.source.title, *unit.trail[:-1])), known)) for unit in units]
    for unit, heading, trail in zip(units, headings, trails, strict=True):
        frequency.update(unit.stems.keys() | heading | trail)
    average = sum(unit.words for unit in units) / len(units) or 1.0
    total = len(units)

    def idf(term: str) -> float:
        return math.log(1 + (total + 0.5) / (frequency[term] + 0.5))

    queries = [query_of(part, known) for part in parts_of(topic)]
    extra = query_of(" ".join(focus), known) if focus else {}
    scores = []
    for unit, heading, trail in zip(units, headings, trails, strict=True):
        length = 0.5 + 0.5 * unit.words / average
        best = max(_score(query, unit, heading, trail, length, idf) for query in queries)
        scores.append(best + (1.5 * _score(extra, unit, heading, trail, length, idf) if extra else 0.0))
    return scores


def _score(
    query: Mapping[str, float],
    unit: Unit,
    heading: set[str],
    trail: set[str],
    length: float,
    idf: Callable[[str], float],
) -> float:
    score = covered = whole = 0.0
    for term, weight in query.items():
        value = weight * idf(term)
        whole += value
        count = unit.stems.get(term, 0)
        strength = count / (count + 1.5 * length) + (1.2 if term in heading else 0.0) + (0.6 if term in trail else 0.0)
        score += value * strength
        if strength:
            covered += value * min(1.0, 0.4 + strength)
    share = covered / whole if whole else 0.0
    return score * share * share / (whole or 1.0) if share >= 0.3 else 0.0
