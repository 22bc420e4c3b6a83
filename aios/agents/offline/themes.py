"""What several sources speak of under different headings: the themes of a topic that no single source carries."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

from aios.agents.offline.material import Unit, heading_stems
from aios.agents.offline.text.language import Language
from aios.agents.offline.text.words import stems

PEERS = 4  # sources with two units or more each, before themes are looked for
MOST_SHARE = 0.45  # of the relevance in one source: above it, that source's own order is the better one
MOST_UNITS = 6
PER_SOURCE = 2
MOST_THEMES = 7
COMMON = 0.35  # share of the units
NEAR = 0.4  # of the best unit's relevance: below it a unit only happens to use the word

Scored = tuple[Unit, float]


def themes(ranked: Sequence[Scored], topic: str, known: Language) -> list[tuple[str, list[Scored]]]:
    """(stem, units) for each theme that two sources or more share, the strongest first; empty where one source leads.

    A theme is named by a word of a heading; units belong to it that bear the word in theirs or repeat it.
    """
    if not _are_peers(ranked):
        return []
    about = set(stems(topic, known))
    strong = [(_strengths(unit, known), unit, score) for unit, score in ranked]
    spread = Counter(stem for strengths, _, _ in strong for stem in strengths)
    named = {stem for _, unit, _ in strong for stem in heading_stems(unit, known)}
    common = max(3, COMMON * len(ranked))  # what nearly everything speaks of sets nothing apart
    candidates = sorted(stem for stem in named - about if len(stem) > 3 and 1 < spread[stem] <= common)
    found: list[tuple[str, list[Scored]]] = []
    taken: set[int] = set()
    while candidates and len(found) < MOST_THEMES:
        offers = [(*_members(stem, strong, taken), stem) for stem in candidates]
        weight = {stem: value * math.log(1 + len(ranked) / spread[stem]) for value, _, stem in offers}
        _, members, stem = max(offers, key=lambda offer: (weight[offer[2]], offer[2]))
        if not weight[stem]:
            break
        candidates.remove(stem)
        taken.update(members)
        found.append((stem, [ranked[index] for index in members]))
    return found


def _are_peers(ranked: Sequence[Scored]) -> bool:
    relevance: Counter[str] = Counter()
    units: Counter[str] = Counter()
    for unit, score in ranked:
        relevance[unit.source.path] += round(score * 1000)
        units[unit.source.path] += 1
    several = sum(1 for count in units.values() if count > 1)
    return several >= PEERS and max(relevance.values()) <= MOST_SHARE * sum(relevance.values())


def _strengths(unit: Unit, known: Language) -> dict[str, float]:
    """How much a unit is about each stem: 2 for its heading's where the text bears it out, up to 1 for repetition."""
    names = heading_stems(unit, known)
    often = {stem: min(1.0, count / 3) for stem, count in unit.stems.items() if count > 1}
    return {
        stem: (2.0 if stem in names else 0.0) + often.get(stem, 0.0)
        for stem, count in unit.stems.items()
        if count > 1 or stem in names
    }


def _members(
    stem: str, strong: Sequence[tuple[dict[str, float], Unit, float]], taken: set[int]
) -> tuple[float, list[int]]:
    """The theme's worth and its units, best first; worth 0 where fewer than two sources are left for it."""
    fits = [
        (score * strengths[stem], index)
        for index, (strengths, _, score) in enumerate(strong)
        if index not in taken and stem in strengths
    ]
    best = max((strong[index][2] for _, index in fits), default=0.0)
    fits = [(value, index) for value, index in fits if strong[index][2] >= NEAR * best]
    per_source: Counter[str] = Counter()
    members: list[int] = []
    worth = 0.0
    for value, index in sorted(fits, reverse=True):
        path = strong[index][1].source.path
        if per_source[path] < PER_SOURCE and len(members) < MOST_UNITS:
            per_source[path] += 1
            members.append(index)
            worth += value
    return (worth * (1 + 0.25 * (len(per_source) - 1)) if len(per_source) > 1 else 0.0), members
