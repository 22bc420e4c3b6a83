"""What notes of earlier research already hold for a question's planned places, so that it need not be found again.

A place (a heading of a source) is held where a note looked at all that stands under it and left nothing out for lack of
room, and where the source still is, letter for letter, what the note saw. Then research would find the same again.
Passages are taken from their source at the note's offsets, never from the note's own text; notes only say where. So a
piece can never come to quote a piece, and a note that was tampered with can add nothing.

Not used: notes of this very run, expired or replaced ones, those too old to be taken on trust (`settings.notes_days`),
and those whose places were first noted longer ago than that, however often they were taken over since.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from aios.agents.offline.cut import cut
from aios.agents.offline.front import load_yaml
from aios.agents.offline.material import SOURCES, Source, Unit, read_source
from aios.agents.offline.text.language import Language
from aios.agents.offline.text.passages import Passage
from aios.domain.agent import AgentCall, Tools
from aios.domain.keys import digest
from aios.domain.loose import mappings

NOTES = "memory/research/"
RECALLED = 16  # notes looked at for a topic
NOTES_DAYS = 365

At = tuple[str, int]  # id of a source, offset of the heading in its body
Place = tuple[Any, Any]  # offsets of a passage, as a note tells them


@dataclass(frozen=True, slots=True)
class Held:
    """A unit whose telling passages a note holds: their offsets. `first` is when they were first noted."""

    unit: Unit
    spans: tuple[Place, ...]
    note: str
    first: str


@dataclass(frozen=True, slots=True)
class Holdings:
    """What is held of the planned places, and what a note on the same section (`same`) held besides."""

    planned: Mapping[At, Held]
    besides: Mapping[At, Held]
    same: bool


def taken(held: Held) -> list[Passage]:
    """The passages of the unit that the note holds."""
    return [passage for passage in held.unit.passages if (passage.start, passage.end) in held.spans]


def holdings(
    call: AgentCall,
    tools: Tools,
    section: str,
    notes: Iterable[str],
    mine: set[At],
    others: set[At],
    known: Language,
) -> Holdings:
    """What these notes hold for a question: `mine` are its planned places, `others` those of other questions.

    No more of them are read once everything planned is found.
    """
    planned: dict[At, Held] = {}
    besides: dict[At, Held] = {}
    alike = False
    sources: dict[str, tuple[Source, str, dict[int, Unit]] | None] = {}
    for path, data in _usable(call, tools, notes):
        same = str(data.get("title") or "").rpartition(": ")[0] == section
        for at, spans, sha256, origin in _complete(path, data):
            if at in others or (at not in mine and not same) or at in planned or at in besides:
                continue
            source = _source(tools, at[0], sources, known)
            unit = source[2].get(at[1]) if source and source[1] == sha256 else None
            there = {(passage.start, passage.end) for passage in unit.passages} if unit else set()
            if unit is None or not set(spans) <= there or too_old(call, origin[1]):
                continue
            (planned if at in mine else besides)[at] = Held(unit, spans, *origin)
            alike = alike or same
        if mine <= set(planned):
            break
    return Holdings(planned, besides if planned else {}, alike)


def notes_on(tools: Tools, queries: Sequence[str]) -> list[str]:
    """Research notes on the subject, the likeliest first."""
    if not tools.paths(f"{NOTES}*.md"):
        return []
    hits = [hit for query in queries for hit in tools.recall(query, limit=3 * RECALLED, kinds=("research",))]
    return list(dict.fromkeys(hit.path for hit in hits))[:RECALLED]


def _usable(call: AgentCall, tools: Tools, notes: Iterable[str]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for path in notes:
        data = load_yaml(tools.front(path) or "") if path.startswith(NOTES) else {}
        if data.get("kind") == "research" and _may_be_used(call, data):
            yield path, data


def _may_be_used(call: AgentCall, data: Mapping[str, Any]) -> bool:
    expires = str(data.get("expires") or "")
    return (
        data.get("run") != call.run
        and not data.get("replaced_by")
        and not (expires and _moment(expires, end=True) < _moment(call.now))
        and not too_old(call, str(data.get("created") or ""))
    )


def too_old(call: AgentCall, noted: str) -> bool:
    """Was it noted so long ago that it is not taken on trust?"""
    days = int(call.contract.settings.get("notes_days", NOTES_DAYS))
    return _moment(call.now) - _moment(noted) > timedelta(days=days)


def _moment(text: str, *, end: bool = False) -> datetime:
    """A date or moment as a moment without an offset; what is neither is as long ago as can be."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return datetime.min  # noqa: DTZ901  only ever compared with its like
    found = (found.astimezone(UTC) if found.tzinfo else found).replace(tzinfo=None)
    return found + timedelta(days=1) if end and len(text) == len("2026-01-01") else found


def _complete(path: str, data: Mapping[str, Any]) -> list[tuple[At, tuple[Place, ...], str, tuple[str, str]]]:
    """The units that a note left nothing of: place, the passages' offsets, the source's hash, and the note that found
    them first, with its date: what was taken over since is put down to that one, and grows no younger.
    """
    entries = mappings(data.get("x-passages"))
    found = []
    for looked in mappings(data.get("x-looked")):
        if looked.get("left") != 0:
            continue
        source, at = str(looked.get("source")), looked.get("at")
        under = [each for each in entries if each.get("source") == source and each.get("at") == at]
        spans = tuple((each.get("start"), each.get("end")) for each in under)
        if spans and isinstance(at, int) and source.startswith(SOURCES):
            name = source.removeprefix(SOURCES).removesuffix(".md")
            since = min(str(each.get("first") or data.get("created") or "") for each in under)
            origin = next((str(each["held"]) for each in under if each.get("held")), path)
            found.append(((name, at), spans, str(looked.get("sha256")), (origin, since)))
    return found


def _source(
    tools: Tools, name: str, sources: dict[str, tuple[Source, str, dict[int, Unit]] | None], known: Language
) -> tuple[Source, str, dict[int, Unit]] | None:
    """A source with its body's hash and its units by place, read once."""
    if name not in sources:
        source = read_source(tools, f"{SOURCES}{name}.md")
        by_place = {unit.at: unit for unit in cut(tools, source, known)} if source else {}
        sources[name] = (source, digest(source.body.encode()), by_place) if source else None
    return sources[name]
