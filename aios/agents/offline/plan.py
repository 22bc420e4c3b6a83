"""The plan: sections from ranked units, bent to the operator's words and to an earlier piece's outline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from aios.agents.offline.earlier import Earlier
from aios.agents.offline.guidance import Guidance, meant
from aios.agents.offline.material import Unit, parts_of
from aios.agents.offline.outline import AIM, ENOUGH_WORDS, MOST, Section, Speech, sections
from aios.agents.offline.relevance import query_of, relevance
from aios.agents.offline.text.language import Language
from aios.agents.offline.text.similarity import containment, jaccard
from aios.agents.offline.text.words import stems
from aios.domain.wording import counted

SAME_HEADING = 0.5  # of the stems of both
FEWEST_SECTIONS = 3
SHORT_OF_WORDS = 800  # below, one section more is worth having


@dataclass(frozen=True, slots=True)
class Plan:
    """The sections; what was kept and changed of an earlier outline; what came of each directive; gaps."""

    sections: list[Section]
    kept: list[str]
    changed: list[str]
    done: dict[str, str]
    gaps: list[str]


def make_plan(
    ranked: Sequence[tuple[Unit, float]],
    every: Sequence[Unit],
    topic: str,
    speech: Speech,
    guidance: Guidance,
    earlier: Earlier | None,
    unsaid: Sequence[Unit],
) -> Plan:
    """Sections from the units that say something on the topic (`ranked`), or from any of `every` where asked for.

    `unsaid` are the units that no published piece quotes: only from them is an earlier piece's heading filled that the
    topic itself does not ask for.
    """
    done: dict[str, str] = {}
    aim = AIM if guidance.length >= 0.8 else FEWEST_SECTIONS + 1
    if guidance.length > 1.2:
        aim = MOST
    first = sections(ranked, topic, speech, aim=aim)
    ranked = _undropped(ranked, first, guidance, speech.known)
    made = sections(ranked, topic, speech, aim=aim)
    if aim == AIM and sum(section.words for section in made) < SHORT_OF_WORDS:
        made = sections(ranked, topic, speech, aim=MOST)
    gaps = _missing_words(topic, made, speech.known)
    kept, changed, made = _after_earlier(made, earlier, every, unsaid, topic, speech)
    for directive in guidance.directives:
        if directive.name == "drop":
            dropped = meant(directive.what, [section.heading for section in (*first, *made)], speech.known)
            made = [section for section in made if section.heading not in dropped]
            done[directive.text] = (
                f"dropped “{'”, “'.join(dict.fromkeys(dropped))}”" if dropped else "no such section is planned"
            )
        elif directive.name == "add":
            found = _section_about(directive.what, every, speech)
            if found is None:
                gaps.append(f"“{directive.what}”: asked for, but no source says anything about it")
                done[directive.text] = "no source says anything about it; noted as a gap"
            else:
                made = [*[_without(section, found) for section in made][: MOST - 1], found]
                done[directive.text] = f"added from {', '.join(found.sources)}"
        elif directive.name in {"focus", "more", "less"}:
            done[directive.text] = "weighed accordingly when choosing the material"
        elif directive.name == "title":
            done[directive.text] = "taken as the title"
        else:
            done[directive.text] = f"{counted(len(made), 'section')} planned"
    return Plan([section for section in made if section.words], kept, changed, done, gaps)


def _undropped(
    ranked: Sequence[tuple[Unit, float]], made: Sequence[Section], guidance: Guidance, known: Language
) -> Sequence[tuple[Unit, float]]:
    """The units without those of sections that the operator wants dropped, so that others take their place."""
    names = [section.heading for section in made]
    unwanted = {name for what in guidance.all("drop") for name in meant(what, names, known)}
    gone = {(unit.source.path, unit.at) for section in made if section.heading in unwanted for unit in section.units}
    return [item for item in ranked if (item[0].source.path, item[0].at) not in gone]


def _without(section: Section, other: Section) -> Section:
    taken = {(unit.source.path, unit.at) for unit in other.units}
    return replace(section, units=tuple(unit for unit in section.units if (unit.source.path, unit.at) not in taken))


def _section_about(what: str, every: Sequence[Unit], speech: Speech) -> Section | None:
    """A section in the operator's words, from the units that say something about them."""
    scores = relevance(every, what, speech.known)
    found = sorted(
        ((score, index) for index, score in enumerate(scores) if score > 0.12), key=lambda item: (-item[0], item[1])
    )
    best = [every[index] for score, index in found if score >= 0.4 * found[0][0]][:4]
    if sum(unit.words for unit in best) < ENOUGH_WORDS // 2:
        return None
    return Section(what[:1].upper() + what[1:], tuple(best), found[0][0], None)


def _section_under(heading: str, near: Sequence[Unit], speech: Speech) -> Section | None:
    """A section from the units that bear this heading, or nearly, in their sources."""
    about = set(stems(heading, speech.known))
    found = [unit for unit in near if jaccard(about, set(stems(unit.heading, speech.known))) >= SAME_HEADING]
    if sum(unit.words for unit in found) < ENOUGH_WORDS:
        return None
    return Section(heading, tuple(found[:4]), 0.5, None)


def _after_earlier(
    made: list[Section],
    earlier: Earlier | None,
    every: Sequence[Unit],
    unsaid: Sequence[Unit],
    topic: str,
    speech: Speech,
) -> tuple[list[str], list[str], list[Section]]:
    """Continue an earlier outline: its headings and order where the material bears them, news behind."""
    if earlier is None:
        return [], [], made
    known = speech.known
    kept: list[str] = []
    changed: list[str] = []
    taken: list[Section] = []
    left = list(made)
    read = {*(source for section in made for source in section.sources), *map(str, earlier.record.get("sources") or ())}
    near = [unit for unit in unsaid if unit.source.id in read]
    for heading in earlier.headings:
        about = set(stems(heading, known))
        match = max(left, key=lambda section: jaccard(about, set(stems(section.heading, known))), default=None)
        if match is not None and jaccard(about, set(stems(match.heading, known))) >= SAME_HEADING:
            left.remove(match)
            taken.append(replace(match, heading=heading, origin=None))
            kept.append(heading)
            continue
        found = _section_about(heading, every, speech) if earlier.covers else _section_under(heading, near, speech)
        if found is not None and containment(about, set(stems(topic, known))) < 1:
            left = [_without(section, found) for section in left]
            taken = [_without(section, found) for section in taken]
            taken.append(found)
            kept.append(heading)
        else:
            told = not earlier.covers and _section_under(heading, every, speech) is not None
            why = "that piece tells it already" if told else "no section of the sources read for this topic is about it"
            changed.append(f"“{heading}” is left out: {why}")
    left = [section for section in left if section.words >= ENOUGH_WORDS]
    taken = [section for section in taken if section.words >= ENOUGH_WORDS]
    if not kept:
        taken, left = [], made
    left = left[: MOST - len(taken)]
    changed += [f"“{section.heading}” is new, from {', '.join(section.sources)}" for section in left]
    return kept, changed, [*taken, *left]


def _missing_words(topic: str, made: Sequence[Section], known: Language) -> list[str]:
    said = {
        stem
        for section in made
        for unit in section.units
        for stem in (*unit.stems, *stems(" ".join(unit.trail), known))
    }
    return [
        f"“{part}”: no source says anything about it"
        for part in parts_of(topic)[1:] or (topic,)
        if not (set(query_of(part, known)) & said)
    ]
