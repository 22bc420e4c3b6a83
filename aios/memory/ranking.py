"""Which passages answer a query best: BM25 over words and their surroundings, the file they stand in, names, feedback.

Scores are sums of parts that each lie in 0..1, weighted as below; only the order they give counts. Everything depends
on the query and the files alone. Equal scores are ordered by date (newer first), path and place.
"""

from __future__ import annotations

import json
import math
import sqlite3
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from aios.memory.index import File, Index, Listing
from aios.memory.words import STOP, match_any, query_words, words_of

POOL = 240  # passages that the first search hands on
FILE_WEIGHT = 0.25
NAME_WEIGHT = 0.25  # the passage is of the record that the query names
LINK_WEIGHT = 0.12  # … or of a file that refers to it
FEEDBACK_WEIGHT = 0.25
FEEDBACK_PASSAGES = 8
FEEDBACK_WORDS = 10

# Weights of the columns: text, heading, title, neighbours with the date.
_PASSAGES = """
SELECT rowid, -bm25(passage_words, 1.0, 0.7, 0.6, 0.3) AS score FROM passage_words
WHERE passage_words MATCH :query ORDER BY score DESC LIMIT :most
"""
_PASSAGES_OF = """
SELECT passage_words.rowid, -bm25(passage_words, 1.0, 0.7, 0.6, 0.3) AS score
FROM passage_words JOIN passage ON passage.id = passage_words.rowid
WHERE passage_words MATCH :query AND passage.file IN (SELECT value FROM json_each(:only))
ORDER BY score DESC LIMIT :most
"""
# Weights of the columns: title, fields, body.
_FILES = """
SELECT rowid, -bm25(file_words, 2.0, 1.0, 0.6) AS score FROM file_words
WHERE file_words MATCH :query ORDER BY score DESC LIMIT :most
"""
_FILES_OF = """
SELECT rowid, -bm25(file_words, 2.0, 1.0, 0.6) AS score FROM file_words
WHERE file_words MATCH :query AND +rowid IN (SELECT value FROM json_each(:only)) ORDER BY score DESC LIMIT :most
"""


@dataclass(slots=True)
class Candidate:
    """A passage and what speaks for it. `named` are the titles of records that the query names."""

    passage: int
    file: File
    start: int
    score: float = 0.0
    named: list[str] = field(default_factory=list)
    linked: list[str] = field(default_factory=list)
    related: tuple[str, ...] = ()


def ranked(index: Index, query: str, allowed: Mapping[int, File] | None = None) -> list[Candidate]:
    """Candidates, best first, among the allowed files (None: all of them)."""
    words = query_words(query)
    if not words:
        return []
    only = None if allowed is None else sorted(allowed)
    listing = index.listing()
    allowed = listing.by_id if allowed is None else allowed
    found = _passages(index, words, only)
    files = _files(index, words, only)
    named = {_id(file): file.title for file in _named(query, listing) if file.id in allowed}
    candidates = {
        passage: Candidate(passage, allowed[file], start, score=score + FILE_WEIGHT * files.get(file, 0.0))
        for passage, (file, start, score) in found.items()
    }
    for candidate in candidates.values():
        _add_names(candidate, named)
    _feed_back(index, words, candidates, allowed, only)
    by_date = sorted(_by_score(candidates.values()), key=lambda item: item.file.created, reverse=True)
    return sorted(by_date, key=lambda item: -round(item.score, 9))


def _by_score(candidates: Collection[Candidate]) -> list[Candidate]:
    return sorted(candidates, key=lambda item: (-round(item.score, 9), item.file.path, item.start))


def _passages(index: Index, words: Sequence[str], only: Sequence[int] | None) -> dict[int, tuple[int, int, float]]:
    """Passage → (file, start, score in 0..1), for the best of them."""

    def places(ids: list[int]) -> dict[int, tuple[str, int]]:
        by_id = index.listing().by_id
        return {passage: (by_id[file].path, part.start) for passage, (file, part) in index.passages_of(ids).items()}

    found = _best(index.db, _PASSAGES if only is None else _PASSAGES_OF, words, only, places)
    known = index.passages_of(list(found))
    return {passage: (known[passage][0], known[passage][1].start, score) for passage, score in found.items()}


def _files(index: Index, words: Sequence[str], only: Sequence[int] | None) -> dict[int, float]:
    """File → score in 0..1, for the best of them."""

    def places(_: list[int]) -> dict[int, tuple[str, int]]:
        return {number: (file.path, 0) for number, file in index.listing().by_id.items()}

    return _best(index.db, _FILES if only is None else _FILES_OF, words, only, places)


def _best(
    db: sqlite3.Connection,
    search: str,
    words: Sequence[str],
    only: Sequence[int] | None,
    places: Callable[[list[int]], Mapping[int, tuple[str, int]]],
) -> dict[int, float]:
    """Row id → score scaled to 0..1, best first, for at most `POOL` rows of `search`.

    Row ids tell of the index's history, so they must not decide who is in the pool. Where its edge cuts through rows
    of equal score, these are left out, unless that leaves nothing: then (rare, and slower) all are ordered by `places`.
    """
    values = {"query": match_any(words), "only": json.dumps(only), "most": POOL + 1}
    rows = db.execute(search, values).fetchall()
    if len(rows) > POOL:
        edge = rows[-1][1]
        rows = [row for row in rows if row[1] > edge]
        if not rows:
            rows = db.execute(search, {**values, "most": -1}).fetchall()
            place = places([row[0] for row in rows])
            rows = sorted(rows, key=lambda row: (-row[1], place[row[0]]))[:POOL]
    top = rows[0][1] if rows else 0.0
    return {row[0]: row[1] / top if top > 0 else 0.0 for row in rows}


def _named(query: str, listing: Listing) -> Iterator[File]:
    """The files whose whole name stands in the query."""
    words = words_of(query[:10_000])
    for start in range(len(words)):
        for end in range(start + 1, min(start + listing.longest_name, len(words)) + 1):
            yield from listing.by_name.get(" ".join(words[start:end]), ())


def _id(file: File) -> str:
    return file.path.rpartition("/")[2].rpartition(".")[0]


def _add_names(candidate: Candidate, named: Mapping[str, str]) -> None:
    own = _id(candidate.file)
    candidate.named = [named[own]] if own in named else []
    candidate.linked = sorted(title for name, title in named.items() if name in candidate.file.links and name != own)
    if candidate.named:
        candidate.score += NAME_WEIGHT
    elif candidate.linked:
        candidate.score += LINK_WEIGHT


def _feed_back(
    index: Index,
    words: Sequence[str],
    candidates: dict[int, Candidate],
    allowed: Mapping[int, File],
    only: Sequence[int] | None,
) -> None:
    """Search once more with the telling words of the best passages (pseudo-relevance feedback)."""
    best = _by_score(candidates.values())[:FEEDBACK_PASSAGES]
    related = _related(index, words, [item.passage for item in best])
    if not related:
        return
    for passage, (file, start, score) in _passages(index, related, only).items():
        candidate = candidates.setdefault(passage, Candidate(passage, allowed[file], start, related=tuple(related)))
        candidate.score += FEEDBACK_WEIGHT * score


def _related(index: Index, words: Sequence[str], best: Sequence[int]) -> list[str]:
    """The words that set the best passages apart from all others, in the form the index keeps them."""
    db = index.db
    if len(best) < 3:
        return []  # two passages share words by chance
    db.execute("DELETE FROM temp.sample")
    texts = index.passages_of(best)
    db.executemany("INSERT INTO temp.sample(text) VALUES (?)", [(part.text,) for _, part in texts.values()])
    (total,) = db.execute("SELECT count(*) FROM passage").fetchone()
    rows = db.execute(
        "SELECT s.term, s.doc, w.doc FROM temp.sample_word s CROSS JOIN word w ON w.term = s.term WHERE s.doc > 1"
    ).fetchall()
    asked = _stems(db, words)
    weighed = sorted(
        (-(near * math.log((total + 1) / (everywhere + 0.5))), term)
        for term, near, everywhere in rows
        if len(term) > 2 and term not in asked and term not in STOP and not term.isdigit() and everywhere * 4 < total
    )
    return [term for _, term in weighed[:FEEDBACK_WORDS]]


def _stems(db: sqlite3.Connection, words: Sequence[str]) -> set[str]:
    db.execute("DELETE FROM temp.sample")
    db.execute("INSERT INTO temp.sample(text) VALUES (?)", (" ".join(words),))
    return {row[0] for row in db.execute("SELECT term FROM temp.sample_word")}
