"""The summary that stands for a group of notes: what it still says of each, and all that must not get lost.

Names, places and sources of everything folded stay in its front matter, and it is worth no more trust than the worst of
them. What it says is the notes' own passages, or only where they stood, or a model's sentences where it is given some.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from aios.agents.offline.front import load
from aios.agents.offline.noted import DEFINITION, FOLDED, LABEL, Block, blocks
from aios.domain.agent import AgentCall
from aios.domain.front_matter import render_markdown
from aios.domain.loose import listed, mappings
from aios.domain.record import Record
from aios.domain.trust import trust_of, worst
from aios.domain.wording import counted
from aios.memory.retention import Group, Level, Policy
from aios.memory.scope import SUMMARY

LONGEST = 600  # characters of a note's own words where it holds no passages
SHOWN = 6  # places of a note that are shown in words; all are in the front matter
OFFLINE = "offline"


@dataclass(frozen=True, slots=True)
class Prose:
    """A model's text on a group: paragraphs with footnotes by label, what these say, and the notes that they lead to.

    `tier` wrote it.
    """

    paragraphs: tuple[str, ...]
    footnotes: Mapping[str, str]
    notes: frozenset[str]
    tier: str


@dataclass(slots=True)
class _Text:
    """The parts of a summary; footnotes are put last."""

    parts: list[str] = field(default_factory=list)
    footnotes: dict[str, str] = field(default_factory=dict)

    def whole(self) -> str:
        notes = "\n".join(f"[^{label}]: {text}" for label, text in self.footnotes.items())
        return "\n\n".join(part for part in (*self.parts, notes) if part) + "\n"


def summary(call: AgentCall, group: Group, policy: Policy, earlier: str | None, prose: Prose | None = None) -> str:
    """The summary's whole text. What an earlier summary of the same name said and stood for, it still does.

    A note that the prose rests on is only named; the others are told as the policy says.
    """
    known, _, _ = load(earlier or "")
    text = _Text()
    _take_over(text, blocks(earlier or ""))
    if prose is not None:
        text.parts += prose.paragraphs
        text.footnotes |= prose.footnotes
    for note in group.notes:
        rule = policy.rule(str(note.get("kind")))
        told = prose is not None and note.path in prose.notes
        _tell(text, note, Level.PLACES if told else rule.summary, rule.passages)
    return render_markdown(_head(call, group, known, prose), text.whole())


def _head(call: AgentCall, group: Group, known: Mapping[str, Any], prose: Prose | None) -> dict[str, Any]:
    notes = group.notes
    each_known = [known, *(note.data for note in notes)]
    folds = {*(note.path for note in notes), *(each for data in each_known for each in listed(data.get("folds")))}
    passages = _unique(place for data in each_known for place in mappings(data.get("x-passages")))
    trusts = [trust_of(group.path, known)] if known else []
    trusts += [trust_of(note.path, note.data) for note in notes]
    trusts += [trust_of(group.path, place) for place in passages if place.get("trust")]
    tiers = dict.fromkeys([*str(known.get("x-tier") or "").split(" and "), prose.tier if prose else OFFLINE])
    head: dict[str, Any] = {
        "schema": "note.v1",
        "kind": SUMMARY,
        "title": f"What was noted on {group.name.replace('-', ' ')}: {counted(len(folds), 'note')}",
        "source": list(dict.fromkeys(str(each) for data in each_known for each in listed(data.get("source")))),
        "folds": sorted(folds),
        "run": call.run,
        "step": call.step,
        "created": call.now,
        "trust": worst(trusts).value,
        "x-tier": " and ".join(tier for tier in tiers if tier),
    }
    if group.is_over:
        head["expires"] = call.now
    if notes[-1].get("content"):
        head["content"] = str(notes[-1].get("content"))
    return head | ({"x-passages": passages} if passages else {})


def _take_over(text: _Text, found: Sequence[Block]) -> None:
    for block in found:
        footnote = DEFINITION.match(block.text)
        if footnote:
            text.footnotes[footnote[1]] = footnote[2]
        else:
            text.parts.append(block.text)


def _tell(text: _Text, note: Record, level: Level, passages: int) -> None:
    """A note's question, what is shown of it, and its name."""
    text.parts.append(f"## {' '.join(str(note.get('question') or note.get('title') or note.id).split())}")
    if level is Level.PLACES:
        text.parts.append(_places(note))
    else:
        _take_over(text, list(_shown(note, passages)))
    text.parts.append(f"{FOLDED}{note.path}")


def _shown(note: Record, passages: int) -> Iterator[Block]:
    """The note's first passages as they stand there, or its beginning; and the footnotes that they need."""
    found = blocks(note.body or "")
    said = [block for block in found if not DEFINITION.match(block.text)]
    places = [number for number, block in enumerate(said) if _is_passage(block)]
    shown: list[Block] = []
    for number in places[:passages]:
        shown.append(said[number])
        if number + 1 < len(said) and said[number + 1].text.startswith("—"):
            shown.append(said[number + 1])
    if not places:
        plain = "\n\n".join(block.text for block in said if not block.text.startswith("#"))
        shown = [Block(_beginning(plain), 1)]
    yield from shown
    if len(places) > passages:
        yield Block(f"({counted(len(places) - passages, 'more passage')}: see `x-passages` above)", 0)
    labels = {label for block in shown for label in LABEL.findall(block.text)}
    notes = [(block, DEFINITION.match(block.text)) for block in found]
    yield from (block for block, match in notes if match and match[1] in labels)


def _is_passage(block: Block) -> bool:
    return block.text.startswith(">") or bool(LABEL.search(block.text))


def _places(note: Record) -> str:
    """Where the note's passages stand, in words."""
    places = mappings(note.get("x-passages"))
    told = [_place(place) for place in places[:SHOWN]]
    more = [f"{len(places) - SHOWN} more above"] if len(places) > SHOWN else []
    return f"Noted from {'; '.join([*told, *more])}" if told else ""


def _place(place: Mapping[str, Any]) -> str:
    source = str(place.get("source") or "").removeprefix("state/").removesuffix(".md")
    return f"{source}, characters {place.get('start')}–{place.get('end')}"


def _beginning(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST].rsplit(' ', 1)[0]} …"


def _unique(places: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    seen: dict[str, Mapping[str, Any]] = {}
    for place in places:
        seen.setdefault(f"{place.get('source')}:{place.get('start')}-{place.get('end')}", place)
    return list(seen.values())
