"""What a run took over from earlier work: which of its passages memory held already, which questions needed no search.

A passage is held where a research note or a published piece's evidence from before the run covers its place in its
source. Whether that is how the run came by it, the manifests tell: a question whose passages were all held in notes,
and for which no source was searched, was answered from notes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aios.agents.evidence import evidence_path
from aios.domain.loose import mappings
from aios.domain.record import Document
from aios.domain.tree import Tree
from aios.runs.history import Fact
from aios.store.documents import parse

CONTENT, SOURCES = "state/content/", "state/sources/"
EVIDENCE, MEMORY, NOTES, LESSONS = "state/evidence/", "memory/", "memory/research/", "memory/lessons/"
_HEADING = re.compile(r"(?m)^##[ \t]+(.+?)[ \t#]*$")


@dataclass(frozen=True, slots=True)
class Attempted:
    """An attempt as the log has it, and what it saw (nothing, where that was pruned)."""

    fact: Fact
    saw: Mapping[str, Any]

    def seen(self, how: str) -> Sequence[str]:
        """Paths that it `read` (of `fronts` only front matter), or the places (`path:start-end`) that it `recalled`."""
        found = self.saw.get(how)
        return list(found) if isinstance(found, Mapping) else []


@dataclass(frozen=True, slots=True)
class Place:
    """Where a passage stands in its source."""

    source: str
    start: int
    end: int


def reused(attempts: Sequence[Attempted], written: Sequence[str], tree: Tree, before: Tree) -> dict[str, Any]:
    """`reuse` for the run record. `tree` is what the run leaves, `before` what it began on."""
    pieces = [path for path in written if path.startswith(CONTENT) and tree.read(path) is not None]
    used = {place for path in pieces for place in _quoted(tree, evidence_path(path))}
    answers = {path: set(_noted(tree, path)) for path in written if path.startswith(NOTES)}
    answers = {path: places for path, places in answers.items() if not _is_anothers(path, tree, before)}
    sources = {place.source for place in used.union(*answers.values())}
    own = {*written, *(evidence_path(path) for path in pieces)}
    notes = _holders(before, MEMORY, sources, _noted, own=set())
    in_notes = set().union(*notes.values())
    known = in_notes.union(*_holders(before, EVIDENCE, sources, _quoted, own=own).values())
    recalled = {place.rpartition(":")[0] for each in attempts for place in each.seen("recalled")}
    seen = recalled.union(*(each.seen("read") for each in attempts))
    taken = used.union(*answers.values())
    searched = {path for path in answers if _searched(attempts, path, tree)}
    lessons = sorted(path for path in recalled if path.startswith(LESSONS))
    return {
        **_outline(pieces, tree, before),
        "passages": {"used": len(used), "held": sum(_covered(place, known) for place in used)},
        "questions": {
            "asked": len(answers),
            "searched": len(searched),
            "from_notes": sum(
                bool(places) and path not in searched and all(_covered(each, in_notes) for each in places)
                for path, places in answers.items()
            ),
        },
        "recalled": {
            "notes": sum(path.startswith("memory/") for path in recalled) - len(lessons),
            "pieces": sum(path.startswith(CONTENT) for path in recalled),
        },
        "lessons": lessons,
        "notes": [path for path in sorted(seen & notes.keys()) if any(_covered(each, notes[path]) for each in taken)],
    }


def _is_anothers(path: str, tree: Tree, before: Tree) -> bool:
    """Did an earlier run write the note, which this one only brought into another form?"""
    old, new = _document(before, path), _document(tree, path)
    return bool(old and new and old.data.get("run") and old.data.get("run") == new.data.get("run"))


def _searched(attempts: Iterable[Attempted], note: str, tree: Tree) -> bool:
    """Did the last attempt that wrote the note search all sources: find some, and read what the plan had not named?"""
    wrote = [each for each in attempts if note in each.fact.paths]
    if not wrote:
        return True
    found = {place.rpartition(":")[0] for place in wrote[-1].seen("recalled") if place.startswith(SOURCES)}
    return bool(found & set(wrote[-1].seen("read")) - _planned(tree, note))


def _planned(tree: Tree, note: str) -> set[str]:
    """The sources that the plan of the note's piece names for its question: to quote, or as new."""
    told = _document(tree, note)
    piece = str(told.data.get("content") or "") if told else ""
    plan = _document(tree, f"{CONTENT}{piece}.md") if piece else None
    asked = [
        each
        for section in mappings(plan.data.get("outline") if plan else None)
        for each in mappings(section.get("questions"))
        if note == f"{NOTES}{piece}-{each.get('id')}.md"
    ]
    named = {str(place.get("source")) for each in asked for place in mappings(each.get("material"))}
    new = {str(name) for each in asked if isinstance(each.get("fresh"), list) for name in each["fresh"]}
    return {f"{SOURCES}{name}.md" for name in named | new}


def _outline(pieces: Sequence[str], tree: Tree, before: Tree) -> dict[str, Any]:
    """The piece that the outline grew from, and how many of its headings are that piece's, word for word."""
    for path in pieces:
        document = _document(tree, path)
        name = str(document.data.get("grew_from") or "") if document else ""
        earlier = _document(before, f"{CONTENT}{name}.md") if name else None
        if document and earlier:
            mine, theirs = _headings(document), {heading.casefold() for heading in _headings(earlier)}
            kept = sum(heading.casefold() in theirs for heading in mine)
            return {"grew_from": name, "headings": {"of": len(mine), "kept": kept}}
    return {}


def _headings(document: Document) -> list[str]:
    outline = document.data.get("outline")
    told = [str(each.get("heading") or "") for each in mappings(outline)]
    return [heading for heading in told if heading] or _HEADING.findall(document.body or "")


def _holders(before: Tree, folder: str, sources: set[str], places: Any, *, own: set[str]) -> dict[str, set[Place]]:
    """The folder's files that tell of places in these sources, and these. A piece written anew holds nothing yet."""
    names = [source.encode() for source in sources]
    found: dict[str, set[Place]] = {}
    for path in before.paths(folder):
        content = before.read(path) or b""
        if path not in own and any(name in content for name in names):  # reading YAML costs more than looking first
            found[path] = {place for place in places(before, path) if place.source in sources}
    return found


def _covered(place: Place, known: Iterable[Place]) -> bool:
    return any(each.source == place.source and each.start <= place.start and place.end <= each.end for each in known)


def _noted(tree: Tree, path: str) -> list[Place]:
    """The passages that a research note names."""
    document = _document(tree, path)
    return _places(document.data.get("x-passages") if document else None)


def _quoted(tree: Tree, path: str) -> list[Place]:
    """The passages that a piece quotes: its quoted sentences, one footnote's together."""
    document = _document(tree, path)
    spans: dict[tuple[str, Any], Place] = {}
    quotes = [each for each in mappings(document.data.get("sentences") if document else None) if _is_quote(each)]
    for number, each in enumerate(quotes):
        for place in _places([each]):
            key = (place.source, each.get("footnote") or f"alone {number}")
            first = spans.get(key, place)
            spans[key] = Place(place.source, min(first.start, place.start), max(first.end, place.end))
    return list(spans.values())


def _is_quote(sentence: Mapping[str, Any]) -> bool:
    return sentence.get("kind") == "quote"


def _places(entries: object) -> list[Place]:
    return [
        Place(str(each.get("source")), each["start"], each["end"])
        for each in mappings(entries)
        if isinstance(each.get("start"), int) and isinstance(each.get("end"), int) and each.get("source")
    ]


def _document(tree: Tree, path: str) -> Document | None:
    content = tree.read(path)
    return parse(path, content)[0] if content is not None else None
