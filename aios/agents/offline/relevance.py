"""How much a unit says about a topic."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from aios.agents.offline.material import Unit, heading_stems, parts_of
from aios.agents.offline.text.language import Language
from aios.agents.offline.text.words import stems

# Words that a topic is dressed in; they find everything.
_DRESS = frozenset(
    """
    handling handle working work guide introduction basics basic best practices practice overview tips common
    good better managing manage understanding learn learning building build doing effective effectively simple
    your own way ways things set setup umgang einführung grundlagen tipps
    """.split()  # noqa: SIM905 (a list of words reads best as words)
)


def query_of(text: str, known: Language) -> dict[str, float]:
    """Stems with weights: words that dress a topic weigh little."""
    dress = {known.stem(word) for word in _DRESS}
    return {stem: 0.25 if stem in dress else 1.0 for stem in stems(text, known)}


def relevance(units: Sequence[Unit], topic: str, known: Language, *, focus: Sequence[str] = ()) -> list[float]:
    """A score per unit: topic words in its text, its heading and what stands above it, times how many of them it has.

    A topic that joins two (“timeouts and retries”) is met by either. A topic that begins with an activity (“testing …”)
    is met only where that is spoken of. `focus` adds weight to further words.
    """
    if not units:
        return []
    places = [_Place.of(unit, known) for unit in units]
    frequency: Counter[str] = Counter()
    for place in places:
        frequency.update(place.unit.stems.keys() | place.heading | place.trail)
    leads = _leads(units)
    whole: dict[str, Counter[str]] = {}
    for unit in units:
        whole.setdefault(unit.source.path, Counter()).update(unit.stems)
    average = sum(unit.words for unit in units) / len(units) or 1.0
    total = len(units)

    def idf(term: str) -> float:
        return math.log(1 + (total + 0.5) / (frequency[term] + 0.5))

    asked = [(query_of(part, known), _activity(part, known)) for part in parts_of(topic)]
    extra = query_of(" ".join(focus), known) if focus else {}
    scores = []
    for place in places:
        length = 0.5 + 0.5 * place.unit.words / average
        lead = leads[place.unit.source.path]
        best = max(
            _score(query, place, lead, length, idf) * place.activity(activity, whole[place.unit.source.path])
            for query, activity in asked
        )
        best *= 0.6 if "tutorial" in place.unit.source.path else 1.0  # its steps make sense in its own order only
        scores.append(best + (1.5 * _score(extra, place, lead, length, idf) if extra else 0.0))
    return scores


@dataclass(frozen=True, slots=True)
class _Place:
    """A unit with the stems of its heading and of the headings above it.

    A document's title is the heading of what stands right below it only as far as that speaks of the same.
    """

    unit: Unit
    heading: frozenset[str]
    trail: frozenset[str]

    @staticmethod
    def of(unit: Unit, known: Language) -> _Place:
        own = len(unit.trail) > 1 or (bool(unit.trail) and unit.at > 0)
        above = (unit.source.title, *(unit.trail[:-1] if own else unit.trail))
        return _Place(
            unit,
            frozenset(stem for stem in heading_stems(unit, known) if own or stem in unit.stems),
            frozenset(stems(" ".join(above), known)),
        )

    def activity(self, activity: str, whole: Mapping[str, int]) -> float:
        """1 where the activity is spoken of, less where only its source does; own notes say it in their own way."""
        if not activity or activity in self.heading | self.trail or self.unit.stems.get(activity, 0) > 1:
            return 1.0
        if whole.get(activity, 0) > 2:
            return 0.7
        return 0.5 if self.unit.source.own else 0.3


def _leads(units: Sequence[Unit]) -> dict[str, Counter[str]]:
    """The first unit's words of each source: what it says of itself."""
    leads: dict[str, Counter[str]] = {}
    for unit in units:
        leads.setdefault(unit.source.path, unit.stems)
    return leads


def _activity(part: str, known: Language) -> str:
    """The stem of the activity that a topic begins with, empty where it begins with none."""
    first = part.lower().split()[0] if part.split() else ""
    stem = known.stem(first)
    dress = {known.stem(word) for word in _DRESS}
    return stem if known.code == "en" and first.endswith("ing") and len(first) > 5 and stem not in dress else ""


def _score(
    query: Mapping[str, float], place: _Place, lead: Mapping[str, int], length: float, idf: Callable[[str], float]
) -> float:
    score = covered = whole = 0.0
    for term, weight in query.items():
        value = weight * idf(term)
        whole += value
        count = place.unit.stems.get(term, 0)
        strength = count / (count + 1.5 * length) + (1.2 if term in place.heading else 0.0)
        strength += 0.6 if term in place.trail else 0.3 if term in lead else 0.0
        score += value * strength
        if strength:
            covered += value * min(1.0, 0.4 + strength)
    share = covered / whole if whole else 0.0
    return score * share**1.5 / (whole or 1.0) if share >= 0.3 else 0.0
