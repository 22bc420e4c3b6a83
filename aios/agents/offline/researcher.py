"""The researcher without a model: for one question, the passages that answer it, with their exact places.

It promises that each passage is a slice of its source's body, that none repeats another, and that the most telling and
newest come first. Where notes of earlier research hold what the plan names, the question is answered from them. Sources
that earlier research read and that are as they were are not searched again, if what the plan names is enough; those
that are new or changed are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aios.agents.offline.candidates import Candidate, rank
from aios.agents.offline.cut import cut
from aios.agents.offline.front import load
from aios.agents.offline.holdings import At, Holdings, holdings, notes_on, taken
from aios.agents.offline.material import SOURCES, Unit, gather, language_of, read_source
from aios.agents.offline.relevance import relevance
from aios.agents.offline.research_note import reply
from aios.agents.offline.text.language import Language
from aios.domain.agent import AgentCall, AgentReply, Tools

ENOUGH_WORDS = 110  # to leave it at what the plan names, where no note is on the same section


@dataclass(frozen=True, slots=True)
class _Found:
    """What there is to choose from. `worth` is by path of the source and offset of the heading."""

    candidates: list[Candidate]
    worth: Mapping[tuple[str, int], float]
    left_out: Sequence[str] = ()


def researcher(call: AgentCall, tools: Tools) -> AgentReply:
    """Answer one question with passages: `memory/research/<record>-<question id>.md`."""
    record = str(call.input["record"])
    question: Mapping[str, Any] = call.input["question"]
    known = language_of(tools)
    content_path = f"state/content/{record}.md"
    data, _, _ = load(tools.read(content_path) or "")
    mine, others = _planned(data, str(question["id"]))
    topic = str(data.get("topic") or data.get("title") or "")
    notes = _notes(tools, data, question) if mine else []
    known_before = holdings(call, tools, str(question["section"]), notes, mine, others, known)
    found = _remembered(call, tools, question, topic, known_before, _fresh(data, question), mine, others, known)
    if found is None:
        found = _from_sources(call, tools, question, topic, mine, others, known)
    ranked = rank(found.candidates, found.worth, question, known)
    return reply(call, record, question, ranked, len(found.candidates), found.left_out)


def _from_sources(
    call: AgentCall,
    tools: Tools,
    question: Mapping[str, Any],
    topic: str,
    mine: set[At],
    others: set[At],
    known: Language,
) -> _Found:
    """A search of all sources, those that the plan names first of all."""
    given = list(dict.fromkeys(source for source, _ in mine))
    material = gather(call, tools, [str(question["section"]), str(question["text"])], given=given)
    every = [unit for source in material.sources for unit in cut(tools, source, known)]
    scores = _unit_scores(every, str(question["section"]), topic, mine, known)
    candidates = [
        Candidate(unit, passage, unit.source.body[passage.start : passage.end], (unit.source.id, unit.at) in mine)
        for unit, score in zip(every, scores, strict=True)
        if score > 0 and (unit.source.id, unit.at) not in others
        for passage in unit.passages
    ]
    worth = {(unit.source.path, unit.at): score for unit, score in zip(every, scores, strict=True)}
    return _Found(candidates, worth, material.left_out)


def _remembered(
    call: AgentCall,
    tools: Tools,
    question: Mapping[str, Any],
    topic: str,
    before: Holdings,
    fresh: set[str] | None,
    mine: set[At],
    others: set[At],
    known: Language,
) -> _Found | None:
    """What notes hold; of the plan's other places what stands there; and what the `fresh` sources say.

    None where that is nothing, or too little: then all is searched.
    """
    if not before.planned and (fresh is None or {name for name, _ in mine} <= fresh):
        return None
    held = (*before.planned.values(), *before.besides.values())
    every = [each.unit for each in held] + list(_left(tools, mine - set(before.planned), known))
    if not before.same and sum(unit.words for unit in every) < ENOUGH_WORDS:
        return None
    news, left_out = _news(call, tools, question, fresh, known) if fresh else ((), ())
    places = {(each.unit.source.id, each.unit.at) for each in before.besides.values()}
    taken_before = {(unit.source.id, unit.at) for unit in every} | others
    every += [unit for unit in news if (unit.source.id, unit.at) not in taken_before]
    scores = _unit_scores(every, str(question["section"]), topic, mine | places, known)
    of = {(each.unit.source.path, each.unit.at): each for each in held}
    candidates = []
    for unit, score in zip(every, scores, strict=True):
        note = of.get((unit.source.path, unit.at))
        for passage in (taken(note) if note else unit.passages) if score > 0 else ():
            text = unit.source.body[passage.start : passage.end]
            candidates.append(Candidate(unit, passage, text, (unit.source.id, unit.at) in mine, note))
    worth = {
        (unit.source.path, unit.at): score * (0.5 if (unit.source.id, unit.at) in places else 1.0)
        for unit, score in zip(every, scores, strict=True)
    }
    return _Found(candidates, worth, left_out)


def _news(
    call: AgentCall, tools: Tools, question: Mapping[str, Any], fresh: set[str], known: Language
) -> tuple[list[Unit], Sequence[str]]:
    """What the fresh sources say, as far as they are recalled for the question."""
    material = gather(call, tools, [str(question["section"]), str(question["text"])], only=fresh)
    return [unit for source in material.sources for unit in cut(tools, source, known)], material.left_out


def _left(tools: Tools, places: set[At], known: Language) -> Iterator[Unit]:
    """The units at places that no note holds."""
    for name in sorted({name for name, _ in places}):
        source = read_source(tools, f"{SOURCES}{name}.md")
        yield from (unit for unit in cut(tools, source, known) if (name, unit.at) in places) if source else ()


def _notes(tools: Tools, data: Mapping[str, Any], question: Mapping[str, Any]) -> Sequence[str]:
    """The notes that the plan names for the question; where a plan says nothing of notes, those that memory recalls."""
    told = _asked(data, question).get("notes")
    if isinstance(told, list):
        return [str(each) for each in told]
    return notes_on(tools, [str(question["section"])])


def _fresh(data: Mapping[str, Any], question: Mapping[str, Any]) -> set[str] | None:
    """The sources that the plan says no research has read as they are; None where it does not say."""
    told = _asked(data, question).get("fresh")
    return set(map(str, told)) if isinstance(told, list) else None


def _asked(data: Mapping[str, Any], question: Mapping[str, Any]) -> Mapping[str, Any]:
    """The question as the plan has it."""
    for section in data.get("outline") or ():
        for asked in section.get("questions") or ():
            if asked.get("id") == question["id"]:
                return asked if isinstance(asked, Mapping) else {}
    return {}


def _planned(data: Mapping[str, Any], question_id: str) -> tuple[set[tuple[str, int]], set[tuple[str, int]]]:
    """The places (source, heading offset) that the plan gives to this question, and to the others."""
    mine: set[tuple[str, int]] = set()
    others: set[tuple[str, int]] = set()
    for section in data.get("outline") or ():
        for asked in section.get("questions") or ():
            places = {(str(place.get("source")), int(place.get("at", -1))) for place in asked.get("material") or ()}
            if asked.get("id") == question_id:
                mine |= places
            else:
                others |= places
    return mine, others - mine


def _unit_scores(
    every: Sequence[Unit], section: str, topic: str, mine: set[tuple[str, int]], known: Language
) -> list[float]:
    """What the plan names counts fully; anything else only where it speaks of the section and of the topic."""
    on_section = relevance(every, section, known)
    on_topic = relevance(every, topic, known)
    best = max(on_section, default=0.0) or 1.0
    best_topic = max(on_topic, default=0.0) or 1.0
    scores = []
    for unit, one, two in zip(every, on_section, on_topic, strict=True):
        if (unit.source.id, unit.at) in mine:
            scores.append(1.0 + 0.5 * one / best + 0.5 * two / best_topic)
        else:
            scores.append(one / best if one >= 0.6 * best and two >= 0.3 * best_topic else 0.0)
    return scores
