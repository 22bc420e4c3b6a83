"""Two notes of which perhaps only one should stand: opposite lessons, the same told twice, the same with other figures.

Pure, and one pass over the notes: only notes that share a rule's matter, some run of words or a sentence are compared.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from heapq import nsmallest
from itertools import combinations, pairwise
from typing import Any
from zlib import crc32

from aios.domain.loose import mappings
from aios.domain.record import Record
from aios.memory.learning import reaches, wordings_contradict
from aios.memory.opposites import matter, opposite
from aios.memory.scope import SUMMARY

CONTRADICT, TWICE, FIGURES = "lessons-contradict", "note-twice", "figures-differ"
RULES = (CONTRADICT, TWICE, FIGURES)  # the weightiest first

ALIKE = 0.8  # share of words that two notes have in common
SHINGLE = 5  # words
SHINGLES = 6  # of each note: twins have at least one of them in common, wherever their texts begin
SHORTEST = 6  # words of a sentence that is compared with others
SERIES = 3  # figures of one sentence: where notes tell more of them, each is of its own time and none is wrong
CROWD = 8  # notes that share one thing and are compared with each other

_WORD = re.compile(r"\w+")
_NUMBER = re.compile(r"\d[\d.,]*")
_SENTENCE = re.compile(r"(?<=[.!?])\s+|\n+")
_NOT_SAID = ("—", "Folded:", "(", "#")


@dataclass(frozen=True, slots=True)
class Pair:
    """`first` is the older note. `said` are the sentences in which they differ, of each; `shared` what both say."""

    rule: str
    first: Record
    second: Record
    said: tuple[tuple[str, ...], tuple[str, ...]]
    shared: tuple[str, ...] = ()

    @property
    def paths(self) -> tuple[str, str]:
        return self.first.path, self.second.path


def holds(note: Mapping[str, Any], now: str) -> bool:
    """Is a note's data neither replaced nor expired? `now` is ISO 8601."""
    expires = str(note.get("expires") or "")
    return not note.get("replaced_by") and not (expires and expires <= now)


def pairs(notes: Iterable[Record], *, now: str) -> list[Pair]:
    """Each two notes at most once, with the weightiest rule, in order of rule and place."""
    standing = [note for note in notes if note.get("kind") != SUMMARY and holds(note.data, now)]
    standing.sort(key=lambda note: (str(note.get("created") or ""), note.path))
    found: dict[tuple[str, str], Pair] = {}
    for pair in (*_contradicting(standing), *_twice(standing), *_other_figures(standing)):
        if not _taken_over(pair.first, pair.second):
            found.setdefault(pair.paths, pair)
    return sorted(found.values(), key=lambda pair: (RULES.index(pair.rule), pair.paths))


def _contradicting(notes: Sequence[Record]) -> Iterator[Pair]:
    """Lessons with other words for the same, or with opposite rules, that hold in one place."""
    about: dict[object, list[Record]] = {}
    for note in notes:
        if note.get("kind") == "lesson":
            wording = _wording(note)
            for key in (
                dict.fromkeys(word.casefold() for word in wording) if wording else (matter(str(note.get("title"))),)
            ):
                about.setdefault(key, []).append(note)
    for sharing in about.values():
        for one, other in combinations(sharing[-CROWD:], 2):
            if _contradict(one, other) and reaches(one.get("applies"), **_places(other.get("applies"))):
                yield Pair(CONTRADICT, one, other, ((str(one.get("title")),), (str(other.get("title")),)))


def _contradict(one: Record, other: Record) -> bool:
    first, second = _wording(one), _wording(other)
    if first is None or second is None:
        return first is None and second is None and opposite(str(one.get("title")), str(other.get("title")))
    return wordings_contradict(first, second)


def _wording(note: Record) -> tuple[str, str] | None:
    found = note.get("wording")
    return (str(found.get("instead_of")), str(found.get("write"))) if isinstance(found, Mapping) else None


def _places(applies: object) -> dict[str, str]:
    return {str(name): str(value) for name, value in applies.items()} if isinstance(applies, Mapping) else {}


def _twice(notes: Sequence[Record]) -> Iterator[Pair]:
    """Notes that say nearly the same, with the same figures."""
    words: dict[str, frozenset[str]] = {}
    by_shingle: dict[int, list[Record]] = {}
    for note in notes:
        told = _WORD.findall((note.body or "").casefold())
        words[note.path] = frozenset(told)
        shingles = {crc32(" ".join(told[at : at + SHINGLE]).encode()) for at in range(max(0, len(told) - SHINGLE + 1))}
        for shingle in nsmallest(SHINGLES, shingles):
            by_shingle.setdefault(shingle, []).append(note)
    seen: set[tuple[str, str]] = set()
    for sharing in by_shingle.values():
        for one, other in combinations(sharing[-CROWD:], 2):
            if (one.path, other.path) in seen:
                continue
            seen.add((one.path, other.path))
            a, b = words[one.path], words[other.path]
            if len(a & b) >= ALIKE * len(a | b) and not any(word.isdigit() for word in a ^ b):
                first, second = _said(one), _said(other)
                here, there = set(first), set(second)
                said = tuple(each for each in first if each not in there), tuple(e for e in second if e not in here)
                yield Pair(TWICE, one, other, said, tuple(each for each in first if each in there))


def _other_figures(notes: Sequence[Record]) -> Iterator[Pair]:
    """Sentences that are the same but for a number; each is held against the note that said it last before."""
    told: dict[str, list[tuple[Record, str, tuple[str, ...]]]] = {}
    for note in notes:
        for sentence in dict.fromkeys(_said(note)):
            numbers = tuple(_NUMBER.findall(sentence))
            if numbers and len(sentence.split()) >= SHORTEST:
                told.setdefault(_NUMBER.sub("#", sentence).casefold(), []).append((note, sentence, numbers))
    for saying in told.values():
        if len({numbers for _, _, numbers in saying}) <= SERIES:
            for (one, first, before), (other, second, after) in pairwise(saying):
                if one.path != other.path and before != after:
                    yield Pair(FIGURES, one, other, ((first,), (second,)))


def _said(note: Record) -> list[str]:
    """The sentences of a note, without marks of quotation; what only tells where they stand is left out."""
    parts = (" ".join(part.lstrip("> ").split()) for part in _SENTENCE.split(note.body or ""))
    return [part for part in parts if part and not part.startswith(_NOT_SAID)]


def _taken_over(one: Record, other: Record) -> bool:
    """Did one note take its passages over from the other, or both from a third? That is reuse, and no doubt."""
    return not _origins(one).isdisjoint(_origins(other))


def _origins(note: Record) -> set[str]:
    held = {str(each["held"]) for each in mappings(note.get("x-passages")) if each.get("held")}
    return {note.path, *held}
