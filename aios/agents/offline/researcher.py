"""The researcher without a model: for one question, the passages that answer it, with their exact places.

It promises that each passage is a slice of its source's body, that none repeats another, and that the most telling and
newest come first. Where notes of earlier research hold what the plan names, the question is answered from them, and
only what is left is looked for.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aios.agents.offline.front import load
from aios.agents.offline.holdings import At, Held, Holdings, holdings, notes_on, taken
from aios.agents.offline.material import SOURCES, Source, Unit, gather, language_of, read_source, units
from aios.agents.offline.relevance import query_of, relevance
from aios.agents.offline.text.language import Language
from aios.agents.offline.text.passages import Passage
from aios.agents.offline.text.ranking import choose, corpus
from aios.agents.offline.text.similarity import jaccard, shingles
from aios.agents.offline.text.words import bag
from aios.agents.offline.trust import worst
from aios.domain.agent import AgentCall, AgentReply, Reason, Tools
from aios.domain.finding import Finding, Severity
from aios.domain.front_matter import render_markdown
from aios.domain.keys import digest
from aios.domain.wording import counted

MOST = 9  # passages in a note
ENOUGH_WORDS = 110  # to leave it at what the plan names, where no note is on the same section
DUPLICATE = 0.5  # shared shingles from which two passages say the same


@dataclass(frozen=True, slots=True)
class _Candidate:
    unit: Unit
    passage: Passage
    text: str
    planned: bool
    held: Held | None = None


@dataclass(frozen=True, slots=True)
class _Found:
    """What there is to choose from. `worth` is by path of the source and offset of the heading."""

    candidates: list[_Candidate]
    worth: Mapping[tuple[str, int], float]
    left_out: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class _Ranked:
    """What was chosen, best first; how many near-duplicates were dropped; by unit, what had no room."""

    chosen: list[_Candidate]
    dropped: int
    left: Counter[tuple[str, int]]


def note_path(record: str, question: str) -> str:
    return f"memory/research/{record}-{question}.md"


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
    found = _from_notes(tools, question, topic, known_before, mine, known)
    if found is None:
        found = _from_sources(call, tools, question, topic, mine, others, known)
    ranked = _ranked(found.candidates, found.worth, question, known)
    return _reply(call, record, question, ranked, len(found.candidates), found.left_out)


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
    every = [unit for source in material.sources for unit in units(source, known)]
    scores = _unit_scores(every, str(question["section"]), topic, mine, known)
    candidates = [
        _Candidate(unit, passage, unit.source.body[passage.start : passage.end], (unit.source.id, unit.at) in mine)
        for unit, score in zip(every, scores, strict=True)
        if score > 0 and (unit.source.id, unit.at) not in others
        for passage in unit.passages
    ]
    worth = {(unit.source.path, unit.at): score for unit, score in zip(every, scores, strict=True)}
    return _Found(candidates, worth, material.left_out)


def _from_notes(
    tools: Tools, question: Mapping[str, Any], topic: str, before: Holdings, mine: set[At], known: Language
) -> _Found | None:
    """What notes hold, and of the plan's other places what stands there. None where that is nothing, or too little."""
    if not before.planned:
        return None
    fresh = list(_left(tools, mine - set(before.planned), known))
    every = [held.unit for held in (*before.planned.values(), *before.besides.values())] + fresh
    if not before.same and sum(unit.words for unit in every) < ENOUGH_WORDS:
        return None
    places = {(held.unit.source.id, held.unit.at) for held in before.besides.values()}
    scores = _unit_scores(every, str(question["section"]), topic, mine | places, known)
    of = {(held.unit.source.path, held.unit.at): held for held in (*before.planned.values(), *before.besides.values())}
    candidates = []
    for unit in every:
        held = of.get((unit.source.path, unit.at))
        for passage in taken(held) if held else unit.passages:
            text = unit.source.body[passage.start : passage.end]
            candidates.append(_Candidate(unit, passage, text, (unit.source.id, unit.at) in mine, held))
    worth = {
        (unit.source.path, unit.at): score * (0.5 if (unit.source.id, unit.at) in places else 1.0)
        for unit, score in zip(every, scores, strict=True)
    }
    return _Found(candidates, worth)


def _left(tools: Tools, places: set[At], known: Language) -> Iterator[Unit]:
    """The units at places that no note holds."""
    for name in sorted({name for name, _ in places}):
        source = read_source(tools, f"{SOURCES}{name}.md")
        yield from (unit for unit in units(source, known) if (name, unit.at) in places) if source else ()


def _notes(tools: Tools, data: Mapping[str, Any], question: Mapping[str, Any]) -> Sequence[str]:
    """The notes that the plan names for the question; where a plan says nothing of notes, those that memory recalls."""
    for section in data.get("outline") or ():
        for asked in section.get("questions") or ():
            if asked.get("id") == question["id"] and isinstance(asked.get("notes"), list):
                return [str(each) for each in asked["notes"]]
    return notes_on(tools, [str(question["section"])])


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


def _ranked(
    candidates: Sequence[_Candidate],
    worth: Mapping[tuple[str, int], float],
    question: Mapping[str, Any],
    known: Language,
) -> _Ranked:
    """Best first by relevance and novelty; near-duplicates dropped."""
    if not candidates:
        return _Ranked([], 0, Counter())
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
    return _Ranked([candidates[index] for index in chosen], len(candidates) - len(unique), left)


def _reply(
    call: AgentCall,
    record: str,
    question: Mapping[str, Any],
    found: _Ranked,
    looked: int,
    left_out: Sequence[str],
) -> AgentReply:
    ranked = found.chosen
    path = note_path(record, str(question["id"]))
    sources = list(dict.fromkeys(candidate.unit.source.id for candidate in ranked))
    trust = worst(candidate.unit.source.trust for candidate in ranked)
    held = [candidate.held for candidate in ranked if candidate.held]
    data = {
        "schema": "note.v1",
        "kind": "research",
        "title": f"{question['section']}: {counted(len(ranked), 'passage')}",
        "question": str(question["text"]),
        "content": record,
        "source": [f"{SOURCES}{source}.md" for source in sources],
        "run": call.run,
        "step": call.step,
        "created": call.now,
        "trust": trust.value,
        "x-passages": [_entry(candidate) for candidate in ranked],
        "x-looked": _looked(found),
    }
    reasons = [
        Reason(
            f"passage {number} from “{candidate.unit.source.title}”",
            _why(candidate) + f", under “{candidate.unit.heading}”, {candidate.passage.words} words",
            _refs(candidate),
        )
        for number, candidate in enumerate(ranked, 1)
    ]
    if held:
        notes = tuple(dict.fromkeys(each.note for each in held))
        how = "no source was searched" if len(held) == len(ranked) else "only the rest was looked for"
        reasons.append(
            Reason(f"{counted(len(held), 'passage')} held by {counted(len(notes), 'earlier note')}", how, notes)
        )
    reasons.append(
        Reason(
            f"{counted(looked, 'passage')} looked at",
            f"{found.dropped} dropped as near-duplicates, {len(ranked)} kept",
        )
    )
    if left_out:
        reasons.append(Reason(f"left out {counted(len(left_out), 'source')}", "; ".join(left_out[:8])))
    findings: tuple[Finding, ...] = ()
    if not ranked:
        hint = "give it a source on the subject, or drop the section"
        findings = (
            Finding(
                path,
                0,
                0,
                "no-passage",
                f"nothing quotable was found on “{question['section']}”",
                hint,
                Severity.WARNING,
            ),
        )
    return AgentReply(
        output={"note": path, "passages": len(ranked), "sources": sources},
        files={path: render_markdown(data, _body(question, ranked))},
        title=f"{question['section']}: {counted(len(ranked), 'passage')} from {counted(len(sources), 'source')}"
        + (f", {len(held)} held by notes" if held else ""),
        reasons=tuple(reasons),
        findings=findings,
        confidence=round(min(1.0, 0.4 + 0.1 * len(ranked) + 0.1 * len(sources)), 3),
    )


def _why(candidate: _Candidate) -> str:
    if candidate.held:
        return "held by an earlier note, and its source still says it"
    return "planned for this section" if candidate.planned else "recalled for this section"


def _refs(candidate: _Candidate) -> tuple[str, ...]:
    place = f"{candidate.unit.source.path}:{candidate.passage.start}-{candidate.passage.end}"
    return (place, candidate.held.note) if candidate.held else (place,)


def _entry(candidate: _Candidate) -> dict[str, Any]:
    passage, source = candidate.passage, candidate.unit.source
    told = {
        "source": source.path,
        "start": passage.start,
        "end": passage.end,
        "sha256": digest(candidate.text.encode()),
        "trust": source.trust.value,
        "heading": candidate.unit.heading,
        "at": candidate.unit.at,
    }
    return told | ({"held": candidate.held.note, "first": candidate.held.first} if candidate.held else {})


def _looked(found: _Ranked) -> list[dict[str, Any]]:
    """The units that passages were taken from: as their source stood, and how many passages had no room."""
    of = {(each.unit.source.path, each.unit.at): each.unit for each in found.chosen}
    return [
        {"source": path, "at": at, "sha256": digest(unit.source.body.encode()), "left": found.left[path, at]}
        for (path, at), unit in of.items()
    ]


def _body(question: Mapping[str, Any], ranked: Sequence[_Candidate]) -> str:
    """The quotations for people to read; the exact places are in the front matter."""
    lines = [f"# {question['section']}", "", str(question["text"]), ""]
    for candidate in ranked:
        source: Source = candidate.unit.source
        lines += [f"> {line}".rstrip() for line in candidate.text.split("\n")]
        ref = source.path.removeprefix("state/").removesuffix(".md")
        since = f"; noted before in {candidate.held.note}" if candidate.held else ""
        place = f"{ref}, characters {candidate.passage.start}–{candidate.passage.end}{since}"
        lines += ["", f"— {source.title} ({place})", ""]
    return "\n".join(lines).rstrip() + "\n"
