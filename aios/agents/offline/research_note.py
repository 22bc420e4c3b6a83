"""The research note: the passages that answer a question, with their exact places, and why each was taken."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from aios.agents.offline.candidates import Candidate, Ranked
from aios.agents.offline.material import SOURCES, Source
from aios.domain.agent import AgentCall, AgentReply, Reason
from aios.domain.finding import Finding, Severity
from aios.domain.front_matter import render_markdown
from aios.domain.keys import digest
from aios.domain.trust import worst
from aios.domain.wording import counted


def note_path(record: str, question: str) -> str:
    return f"memory/research/{record}-{question}.md"


def reply(
    call: AgentCall,
    record: str,
    question: Mapping[str, Any],
    found: Ranked,
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


def _why(candidate: Candidate) -> str:
    if candidate.held:
        return "held by an earlier note, and its source still says it"
    return "planned for this section" if candidate.planned else "recalled for this section"


def _refs(candidate: Candidate) -> tuple[str, ...]:
    place = f"{candidate.unit.source.path}:{candidate.passage.start}-{candidate.passage.end}"
    return (place, candidate.held.note) if candidate.held else (place,)


def _entry(candidate: Candidate) -> dict[str, Any]:
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


def _looked(found: Ranked) -> list[dict[str, Any]]:
    """The units that passages were taken from: as their source stood, and how many passages had no room."""
    of = {(each.unit.source.path, each.unit.at): each.unit for each in found.chosen}
    return [
        {"source": path, "at": at, "sha256": digest(unit.source.body.encode()), "left": found.left[path, at]}
        for (path, at), unit in of.items()
    ]


def _body(question: Mapping[str, Any], ranked: Sequence[Candidate]) -> str:
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
