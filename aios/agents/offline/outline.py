"""From units to an outline: what belongs together becomes a section, under the best heading the sources offer."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import chain

from aios.agents.offline.material import Unit, heading_stems, parts_of
from aios.agents.offline.text.headings import clean, is_generic, quality, sentence_case
from aios.agents.offline.text.keyphrases import key_phrases
from aios.agents.offline.text.language import Language
from aios.agents.offline.text.ranking import corpus
from aios.agents.offline.text.similarity import cosine, jaccard
from aios.agents.offline.text.words import stems
from aios.agents.offline.themes import themes

MOST = 7
AIM = 6
ALIKE = 0.42
MOST_MERGED = 4
ENOUGH_WORDS = 45
FIRST, FURTHER = 4, 0.36  # from the fifth section on only what is really on the topic
FEWEST_THEMES, THEMED = 3, 1.5
SHORT_SOURCE = 160  # words of a source on the topic up to which it makes one section
_CONCEPT = re.compile(
    r"\b(what|why|introduc|overview|concept|basic|purpose|idea|background|definition|was ist|warum)", re.IGNORECASE
)
_LATE = re.compile(
    r"\b(caveat|limit|troubleshoot|error|exception|pitfall|advanced|migrat|performance|custom|extend|faq|debug|fehler|grenzen)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Section:
    """`origin` names the unit whose heading it bears (None: an earlier outline's or the operator's words)."""

    heading: str
    units: tuple[Unit, ...]
    score: float
    origin: Unit | None
    phrases: tuple[str, ...] = field(default=())

    @property
    def words(self) -> int:
        return sum(unit.words for unit in self.units)

    @property
    def passages(self) -> int:
        return sum(len(unit.passages) for unit in self.units)

    @property
    def sources(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(unit.source.id for unit in self.units))


@dataclass(frozen=True, slots=True)
class Speech:
    """What making headings needs to know of the language and of how the sources spell their words."""

    known: Language
    spellings: dict[str, str]
    background: Counter[str]


def sections(ranked: Sequence[tuple[Unit, float]], topic: str, speech: Speech, *, aim: int = AIM) -> list[Section]:
    """The sections that the units (with their relevance) make, in reading order; at most seven.

    Merges what is alike across sources; where that leaves fewer than three sections, merges less.
    """
    shared = themes(ranked, topic, speech.known)
    if len(shared) >= FEWEST_THEMES:
        told = {id(unit) for _, units in shared for unit, _ in units}
        rest = _build(_groups([item for item in ranked if id(item[0]) not in told]), topic, speech)
        chosen = _chosen(
            [*(_themed(units, stem, topic, speech) for stem, units in shared), *rest], aim, topic, speech.known
        )
        return sorted(chosen, key=_place)
    groups = _groups(ranked)
    best: list[Section] = []
    ways = (_merged(groups, speech.known, alike) for alike in (ALIKE, 0.7, 2.0))
    for clusters in chain(ways, [[[item] for item in ranked]]):
        chosen = _chosen(_build(clusters, topic, speech), aim, topic, speech.known)
        best = max(best, chosen, key=lambda made: (min(len(made), 3), sum(section.words for section in made)))
        if len(best) >= 3:
            break
    return _ordered(best, topic, speech.known)


Scored = tuple[Unit, float]


def _depth(unit: Unit, *, single: bool) -> int:
    """How many headings of a unit's trail name its group: past the document's title and past empty words."""
    depth = 2 if single else 1
    while depth < len(unit.trail) and is_generic(clean(unit.trail[depth - 1])):
        depth += 1
    return depth


def _groups(ranked: Sequence[Scored]) -> list[list[Scored]]:
    tops: dict[str, set[str]] = {}
    for unit, _ in ranked:
        tops.setdefault(unit.source.path, set()).add(unit.trail[0] if unit.trail else "")
    grouped: dict[tuple[str, tuple[str, ...]], list[Scored]] = {}
    for unit, score in ranked:
        single = len(tops[unit.source.path]) == 1 and bool(unit.trail)
        key = (unit.source.path, unit.trail[: _depth(unit, single=single)])
        grouped.setdefault(key, []).append((unit, score))
    return _with_siblings(grouped)


def _with_siblings(grouped: dict[tuple[str, tuple[str, ...]], list[Scored]]) -> list[list[Scored]]:
    """Groups too small for a section join a small neighbour under the same parent; a short source is one group."""
    found: list[tuple[tuple[str, tuple[str, ...]], list[Scored]]] = []
    whole: Counter[str] = Counter()
    for (path, _), group in grouped.items():
        whole[path] += _amount(group)
    for (path, trail), group in sorted(grouped.items(), key=lambda item: (item[0][0], item[1][0][0].at)):
        short = whole[path] < SHORT_SOURCE
        parent = (path, () if short else trail[:-1])
        last = found[-1] if found else None
        both_small = last is not None and max(_amount(group), _amount(last[1])) < ENOUGH_WORDS and len(trail) > 1
        if last and last[0] == parent and (short or (both_small and len(last[1]) < MOST_MERGED)):
            last[1].extend(group)
        else:
            found.append((parent, list(group)))
    return [group for _, group in found]


def _amount(group: Sequence[Scored]) -> int:
    return sum(unit.words for unit, _ in group)


def _merged(groups: list[list[Scored]], known: Language, alike: float) -> list[list[Scored]]:
    """Greedy average-link merging of groups whose headings and words agree."""
    bags = [sum((unit.stems for unit, _ in group), Counter[str]()) for group in groups]
    space = corpus([dict(bag) for bag in bags])
    vectors = [space.weighted(index) for index in range(len(groups))]
    names = [heading_stems(max(group, key=lambda item: item[1])[0], known) for group in groups]
    likeness = {
        (one, two): 0.55 * jaccard(names[one], names[two]) + 0.6 * cosine(vectors[one], vectors[two])
        for one in range(len(groups))
        for two in range(one + 1, len(groups))
        if groups[one][0][0].source.path != groups[two][0][0].source.path
    }
    clusters = [[index] for index in range(len(groups))]

    def linkage(left: list[int], right: list[int]) -> float:
        pairs = [likeness.get((min(one, two), max(one, two)), 0.0) for one in left for two in right]
        return sum(pairs) / len(pairs)

    while True:
        best = max(
            (
                (linkage(clusters[one], clusters[two]), -one, -two)
                for one in range(len(clusters))
                for two in range(one + 1, len(clusters))
                if len(clusters[one]) + len(clusters[two]) <= MOST_MERGED
            ),
            default=(0.0, 0, 0),
        )
        if best[0] < alike:
            return [[item for index in cluster for item in groups[index]] for cluster in clusters]
        one, two = -best[1], -best[2]
        clusters[one] += clusters.pop(two)


def _place(section: Section) -> float:
    """Where in their sources the units stand, 0 to 1: what comes first there comes first here."""
    return sum(unit.at / (len(unit.source.body) or 1) for unit in section.units) / len(section.units)


def _themed(members: Sequence[Scored], theme: str, topic: str, speech: Speech) -> Section:
    """A section of what several sources say; that they agree on its weight is worth something."""
    units = tuple(unit for unit, _ in members)
    score = THEMED * max(score for _, score in members)
    return _headed(Section("", units, score, None), topic, speech, theme)


def _build(clusters: Sequence[Sequence[Scored]], topic: str, speech: Speech) -> list[Section]:
    made = []
    for cluster in clusters:
        members = sorted(cluster, key=lambda item: (-item[1], item[0].source.path, item[0].at))
        top = members[0][1]
        score = top + 0.15 * sum(value for _, value in members[1:3])
        made.append(_headed(Section("", tuple(unit for unit, _ in members), score, None), topic, speech))
    return made


def _headed(section: Section, topic: str, speech: Speech, theme: str = "") -> Section:
    """Choose the heading among those of the units, then of the documents, else make one of key phrases."""
    texts = [unit.source.body[passage.start : passage.end] for unit in section.units for passage in unit.passages]
    phrases = tuple(key_phrases(texts, speech.background, speech.known))
    about = set(stems(topic, speech.known))
    telling = set(stems(" ".join(phrases), speech.known))
    best: tuple[float, str, Unit | None] = (0.0, "", None)
    for place, unit in enumerate(section.units[:4]):
        for depth, raw in enumerate(reversed((unit.source.title, *unit.trail))):
            heading = clean(raw)
            fit = set(stems(heading, speech.known))
            value = quality(heading) + 0.3 * bool(fit & about) + 0.2 * bool(fit & telling) - 0.15 * place - 0.2 * depth
            value -= 0.4 * (depth == 0 and _has_parent(unit, section.units))
            if theme:
                value += 0.8 * (theme in fit) - 0.6 * _names_somebody(heading)
            if quality(heading) > 0.1 and value > best[0]:
                best = (value, heading, unit)
    _, heading, origin = best
    joined = _joined(section, speech)
    if joined:
        heading = joined
    if not heading:
        heading = " and ".join(phrases[:2]) if speech.known.code != "de" else " und ".join(phrases[:2])
        heading = heading or clean(section.units[0].heading)
    heading = sentence_case(heading, speech.spellings, german=speech.known.code == "de")
    return replace(section, heading=heading, origin=origin, phrases=phrases)


def _names_somebody(heading: str) -> bool:
    """A name in the middle of a heading belongs to one source; in sentence case, capitals give it away."""
    words = heading.split()[1:]
    return any(word[0].isupper() for word in words) and any(word[0].islower() for word in words)


def _has_parent(unit: Unit, others: Sequence[Unit]) -> bool:
    """Is the heading above this unit's own in the section too?"""
    return any(
        other.source.path == unit.source.path
        and other.trail == unit.trail[: len(other.trail)]
        and len(other.trail) < len(unit.trail)
        for other in others
        if len(other.trail) > 1
    )


def _joined(section: Section, speech: Speech) -> str:
    """For several headings of one source: all of them where short enough for a row, else the one above them."""
    sources = {unit.source.path for unit in section.units}
    ordered = sorted(section.units, key=lambda unit: unit.at)
    tops = {unit.trail[:2] for unit in ordered}
    if len(sources) > 1 or len(tops) < 2:
        return ""
    names = list(dict.fromkeys(clean(unit.heading) for unit in ordered))
    found = [set(stems(name, speech.known)) for name in names]
    apart = all(not (one & two) for place, one in enumerate(found) for two in found[place + 1 :])
    plain = not any(is_generic(name) or re.search(r"[?,&]|\b(?:and|und)\b", name) for name in names)
    word = "und" if speech.known.code == "de" else "and"
    text = f"{', '.join(names[:-1])} {word} {names[-1]}"
    small = all(unit.words < ENOUGH_WORDS for unit in ordered)
    if small and len(names) <= 3 and apart and plain and len(text) <= 56:
        return text
    shared = [name for name, other in zip(ordered[0].trail, ordered[-1].trail, strict=False) if name == other]
    above = (*reversed(shared), ordered[0].source.title)
    return next((clean(name) for name in above if quality(clean(name)) > 0.3), "")


def _chosen(made: Sequence[Section], aim: int, topic: str, known: Language) -> list[Section]:
    """The best by score, with enough to say, no two under the same heading.

    One source alone does not fill the piece while others have something to say, nor does one part of the topic.
    """
    left = [section for section in made if section.words >= ENOUGH_WORDS]
    best = max((section.score for section in left), default=0.0)
    left = [section for section in left if section.score >= 0.2 * best]
    parts = _parts(topic, known)
    chosen: list[Section] = []
    sources: Counter[str] = Counter()
    told: Counter[int] = Counter()
    while left and len(chosen) < min(aim, MOST):
        untold = {_part(section, parts, known) for section in left} - set(told)

        def merit(section: Section, untold: set[int] = untold) -> tuple[float, str]:
            value = section.score * 0.85 ** sources[section.units[0].source.path]
            return (value * (2.0 if chosen and _part(section, parts, known) in untold else 1.0), section.heading)

        section = max(left, key=merit)
        left.remove(section)
        if len(chosen) >= FIRST and section.score < FURTHER * best:
            continue
        told[_part(section, parts, known)] += 1
        sources[section.units[0].source.path] += 1
        name = set(stems(section.heading, known))
        twin = next((index for index, other in enumerate(chosen) if set(stems(other.heading, known)) == name), -1)
        if twin >= 0:
            chosen[twin] = replace(chosen[twin], units=chosen[twin].units + section.units)
        else:
            chosen.append(section)
    return chosen


def _parts(topic: str, known: Language) -> list[set[str]]:
    return [set(stems(part, known)) for part in parts_of(topic)[1:]]


def _part(section: Section, parts: Sequence[set[str]], known: Language) -> int:
    """Which part of the topic a section is about; 0 where the topic has none."""
    common = set.intersection(*parts) if parts else set()
    said = set(stems(" ".join((section.heading, section.units[0].heading)), known))
    bag = section.units[0].stems
    fits = [
        (len(said & words) / len(words or [""]) + sum(bag[word] for word in words - common) / 100, -index)
        for index, words in enumerate(parts)
    ]
    return -max(fits, default=(0.0, 0))[1]


def _ordered(chosen: list[Section], topic: str, known: Language) -> list[Section]:
    """As the topic names its parts; ideas before instructions, special cases last; then source by source."""
    parts = _parts(topic, known)
    weight: Counter[str] = Counter()
    for section in chosen:
        weight[section.units[0].source.path] += round(section.score * 1000)

    def stage(section: Section) -> int:
        unit = section.units[0]
        if _LATE.search(section.heading):
            return 2
        return 0 if len(unit.trail) <= 1 or _CONCEPT.search(section.heading) else 1

    return sorted(
        chosen,
        key=lambda section: (
            _part(section, parts, known),
            stage(section),
            -weight[section.units[0].source.path],
            section.units[0].source.path,
            section.units[0].at,
        ),
    )
