"""Why passages were found, in words a person understands, and whether they fit the question at all."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from aios.memory.coverage import held
from aios.memory.index import Index
from aios.memory.passage import Passage
from aios.memory.ranking import Candidate
from aios.memory.words import match_any, query_words

NAMED_WORDS = 5  # of the words that matched, in a reason
TOLD = 0.35  # nearness in meaning that a reason tells of
NEAR = 0.35  # nearness from which a passage is about what was asked, whatever its words
ENOUGH = 0.5  # share of the question's words from which there is no need to weigh them
FITTING = 0.1  # share of the question's weight that the best passage must hold, else nothing fits
WEAK = 0.3  # share below which it is said that the answer may be none
JUDGED = 5  # passages, from the best, of which one must hold it

_HERE, _END = "\ue000", "\ue001"  # private characters, so that no text of the operator's is taken for a mark
_HIGHLIGHT = """
SELECT rowid, highlight(sample, 0, :here, :end), highlight(sample, 1, :here, :end), highlight(sample, 2, :here, :end),
       highlight(sample, 3, :here, :end)
FROM temp.sample WHERE sample MATCH :query
"""
_Marked = tuple[str, str, str, str]
_NONE: _Marked = ("", "", "", "")


@dataclass(frozen=True, slots=True)
class Reasons:
    """Passage → why it was found; `fits` says whether any of them is about what was asked, `weak` whether hardly."""

    texts: Mapping[int, str]
    fits: bool
    weak: bool = False


def why(index: Index, query: str, chosen: Sequence[Candidate], passages: Mapping[int, Passage]) -> Reasons:
    words = query_words(query)
    if not chosen or not words:
        return Reasons({}, fits=False)
    db = index.db
    db.execute("DELETE FROM temp.sample")
    rows = [
        (each.passage, passages[each.passage].text, passages[each.passage].heading, each.file.title, each.file.extra)
        for each in chosen
    ]
    db.executemany("INSERT INTO temp.sample(rowid, text, heading, title, more) VALUES (?, ?, ?, ?, ?)", rows)
    marked = _marked(db, words)
    texts = {each.passage: _why(db, each, marked.get(each.passage, _NONE)) for each in chosen}
    share = _share(index, words, chosen[:JUDGED])
    return Reasons(texts, fits=share >= FITTING, weak=share < WEAK)


def _share(index: Index, words: Sequence[str], judged: Sequence[Candidate]) -> float:
    """How much of what was asked one of the best holds: all of it where it is named there or means about the same."""
    if any(each.named or each.linked or each.replaces or (each.near or 0.0) >= NEAR for each in judged):
        return 1.0
    return held(index, words, [each.passage for each in judged], enough=ENOUGH)


def _marked(db: sqlite3.Connection, words: Sequence[str]) -> dict[int, _Marked]:
    """Text, heading, title and facts of passages with the words marked by the index's own idea of a word."""
    values = {"query": match_any(words), "here": _HERE, "end": _END}
    return {row[0]: (row[1], row[2], row[3], row[4]) for row in db.execute(_HIGHLIGHT, values)}


def _why(db: sqlite3.Connection, candidate: Candidate, marked: _Marked) -> str:
    """In words: what matched and where, who says it, and which named record it belongs to."""
    parts = [f"matches {matched}"] if (matched := _matches(marked)) else []
    parts += [f"is about {title}, which the question names" for title in candidate.named]
    parts += [f"refers to {title}" for title in candidate.linked]
    parts += [f"said by {candidate.speaker.title()}"] if candidate.speaker else []
    parts += [f"took the place of “{candidate.replaces}”"] if candidate.replaces else []
    if candidate.near is not None and candidate.near >= TOLD:
        parts.append(f"close in meaning ({candidate.near:.2f})")
    if not parts and candidate.related:
        shared = _inside(_marked(db, candidate.related).get(candidate.passage, _NONE)[0])
        named = ", ".join(f"“{word}”" for word in list(dict.fromkeys(shared))[:NAMED_WORDS])
        parts = [f"shares {named} with what matches best"] if named else []
    if not parts and candidate.near is not None:
        parts = [f"nearest in meaning ({candidate.near:.2f})"]
    parts = parts or ["stands next to a passage that matches"]
    if candidate.replaced_by:
        parts.append(f"replaced since by “{candidate.replaced_by}”")
    return "; ".join(parts)


def _matches(marked: _Marked) -> str:
    reasons = []
    seen: set[str] = set()
    for text, place in zip(marked, ("", " in its heading", " in its title", " in its date or fields"), strict=True):
        words = [word for word in dict.fromkeys(_inside(text)) if word not in seen]
        seen.update(words)
        if words:
            more = f" and {len(words) - NAMED_WORDS} more" if len(words) > NAMED_WORDS else ""
            reasons.append(", ".join(f"“{word}”" for word in words[:NAMED_WORDS]) + more + place)
    return "; ".join(reasons)


def _inside(text: str) -> list[str]:
    return [part.partition(_END)[0].lower() for part in text.split(_HERE)[1:]]
