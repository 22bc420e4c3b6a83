"""The operator's material: the sources a call may quote, read within bounds and cut into units under their headings.

Only source records are quoted. Decisions, customers and notes steer a piece; they are not published.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from aios.agents.offline.front import load
from aios.agents.offline.text.language import Language, language
from aios.agents.offline.text.passages import Passage, passages
from aios.agents.offline.text.words import bag, stems
from aios.domain.agent import AgentCall, Tools
from aios.domain.memory import Hit
from aios.domain.record import Trust

SOURCES = "state/sources/"
READ_KB = 400
RECALL = 60
STATE = 12  # characters of a file's blob id that tell its states apart
_AND = re.compile(r"\s+(?:and|und|&|versus|vs\.?)\s+|\s*[,;:/]\s+", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Source:
    """A source record as the engines need it. Offsets into `body`."""

    path: str
    title: str
    body: str
    trust: Trust
    origin: str = ""

    @property
    def id(self) -> str:
        return id_of(self.path)

    @property
    def own(self) -> bool:
        return self.trust is Trust.OPERATOR


def id_of(path: str) -> str:
    return path.rsplit("/", 1)[-1].removesuffix(".md")


@dataclass(frozen=True, slots=True)
class Unit:
    """The quotable passages under one heading of one source."""

    source: Source
    trail: tuple[str, ...]  # headings, outermost first, its own last; empty above the first heading
    at: int
    passages: tuple[Passage, ...]
    stems: Counter[str]
    words: int

    @property
    def heading(self) -> str:
        return self.trail[-1] if self.trail else self.source.title


@dataclass(frozen=True, slots=True)
class Material:
    """What was read, and what was not and why."""

    sources: tuple[Source, ...]
    left_out: tuple[str, ...]
    states: Mapping[str, str] = field(default_factory=dict)  # id of a recalled source → which state of the file it was


def language_of(tools: Tools) -> Language:
    company = next(iter(tools.records("company")), None)
    return language(str(company.get("language", "en")) if company else "en")


def read_source(tools: Tools, path: str) -> Source | None:
    """A source record, None where there is none. What has no trust written is taken as external."""
    text = tools.read(path)
    if text is None:
        return None
    data, body, _ = load(text)
    try:
        trust = Trust(str(data.get("trust", Trust.EXTERNAL)))
    except ValueError:
        trust = Trust.EXTERNAL
    title = " ".join(str(data.get("title") or path.rsplit("/", 1)[-1].removesuffix(".md")).split())
    return Source(path, title, body, trust, str(data.get("origin") or ""))


def gather(
    call: AgentCall,
    tools: Tools,
    queries: Sequence[str],
    *,
    given: Sequence[str] = (),
    only: Collection[str] | None = None,
) -> Material:
    """Recall for each query, then read the sources found (and those given) best first, within the contract's bounds.

    Sources are recalled apart from everything else: what was learned since must not crowd them out. `settings.recall`
    (hits per query) and `settings.read_kb` (kilobytes of sources) of the contract set the bounds. `only` are the ids of
    the sources that are of interest (None: all).
    """
    settings = call.contract.settings
    limit = int(settings.get("recall", RECALL))
    budget = int(settings.get("read_kb", READ_KB)) * 1024
    rank: dict[str, float] = {}
    states: dict[str, str] = {}
    for query in queries:
        for place, hit in enumerate(tools.recall(query, limit=limit, kinds=("sources",))):
            name = id_of(hit.path)
            if hit.path.startswith(SOURCES) and (only is None or name in only):
                states |= {name: hit.blob[:STATE]} if hit.blob else {}
                rank[hit.path] = rank.get(hit.path, 0.0) + 1 / (place + 5)
    for source_id in given:
        path = f"{SOURCES}{source_id}.md"
        rank[path] = rank.get(path, 0.0) + (1.0 if path in rank else 0.02)
    read: list[Source] = []
    left_out: list[str] = []
    for path in sorted(rank, key=lambda path: (-rank[path], path)):
        source = read_source(tools, path) if budget > 0 else None
        if source is None:
            left_out.append(f"{path} (beyond the {settings.get('read_kb', READ_KB)} KB this call may read)")
        elif _is_own_piece(tools, source):
            left_out.append(f"{path} (a piece of ours: it would come to quote itself)")
        elif len(source.body) > budget and read:
            left_out.append(f"{path} ({len(source.body) // 1024} KB, more than was left to read)")
        else:
            read.append(source)
            budget -= len(source.body)
    return Material(
        tuple(read), tuple(left_out), {source.id: states[source.id] for source in read if source.id in states}
    )


def _is_own_piece(tools: Tools, source: Source) -> bool:
    """Is the source a page that agents of this company wrote, read back from its site?"""
    company = next(iter(tools.records("company")), None)
    site = str(company.get("url") or "").rstrip("/") if company else ""
    if not site or not source.origin.startswith(f"{site}/"):
        return False
    page = source.origin.partition("#")[0].removesuffix("index.html").rstrip("/")
    ours = [piece for piece in tools.records("content") if piece.get("tier")]
    return any(str(piece.get("url") or "").rstrip("/") == page for piece in ours)


def touching(call: AgentCall, tools: Tools, queries: Sequence[str]) -> tuple[Hit, ...]:
    """What else memory recalls for the queries: lessons, decisions, earlier pieces. It steers; it is not quoted."""
    limit = int(call.contract.settings.get("recall", RECALL))
    hits: dict[tuple[str, int, int], Hit] = {}
    for query in queries:
        for hit in tools.recall(query, limit=limit):
            hits.setdefault((hit.path, hit.start, hit.end), hit)
    return tuple(hits.values())


def parts_of(topic: str) -> tuple[str, ...]:
    """The topic, and where it joins several, each of them."""
    parts = [part.strip() for part in _AND.split(topic) if len(part.strip()) > 2]
    return (topic, *parts) if len(parts) > 1 else (topic,)


def units(source: Source, known: Language) -> tuple[Unit, ...]:
    """The source's passages by heading, in order."""
    grouped: dict[int, list[Passage]] = {}
    for passage in passages(source.body, known, own=source.own):
        grouped.setdefault(passage.heading_at, []).append(passage)
    found = []
    for at, members in grouped.items():
        text = " ".join(
            source.body[span.start : span.end] for passage in members for span in passage.spans if span.kind != "code"
        )
        found.append(
            Unit(
                source,
                members[0].trail,
                at,
                tuple(members),
                bag(text, known),
                sum(passage.words for passage in members),
            )
        )
    return tuple(found)


def heading_stems(unit: Unit, known: Language) -> set[str]:
    return set(stems(unit.heading, known))
