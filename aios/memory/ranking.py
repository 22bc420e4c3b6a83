"""Which passages answer a query best: BM25 over words, lifted by what surrounds them: neighbours, file, names, speaker.

Scores are sums of parts that each lie in 0..1, weighted as below; only the order they give counts. Everything depends
on the query and the files alone. Equal scores are ordered by date (newer first), path and place.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

from aios.memory.coverage import held_of
from aios.memory.feedback import related_words
from aios.memory.fusion import JUDGED, TURN_WEIGHT, Asked, fused, weight_of_meaning
from aios.memory.index import File, Index, Place
from aios.memory.naming import Named, named_in
from aios.memory.wanted import Wanted
from aios.memory.words import match_any, query_words, words_of

POOL = 200  # passages that a search hands on
NEAREST = 100  # passages that are taken for their meaning
LENDING = 100  # of these, from the best, lend their neighbours
KEPT = 150  # candidates that are put in order
FEWEST = 50  # of them must be of wanted files, else these are searched alone
FILE_WEIGHT = 0.4
NEIGHBOUR_WEIGHT = 0.3
NAME_WEIGHT = 0.25  # the passage is of the record that the query names
LINK_WEIGHT = 0.12  # … or of a file that refers to it
SPEAKER_WEIGHT = 0.25  # … or is said by who is named
FEEDBACK_WEIGHT = 0.25
FEEDBACK_PASSAGES = 8
NEAR_ENOUGH = 0.5  # share of the nearest's nearness that a passage must have to be found by meaning alone
REPLACED = 0.5  # what is left of the score of a passage whose file was replaced

# Weights of the columns: text, heading, title, more.
_PASSAGES = """
SELECT w.rowid, w.score, p.file, p.around, p.speaker, p.key FROM (
  SELECT rowid, -bm25(passage_words, 1.0, 0.7, 0.6, 0.5) AS score FROM passage_words
  WHERE passage_words MATCH :query ORDER BY score DESC LIMIT :most
) w CROSS JOIN passage p ON p.id = w.rowid ORDER BY w.score DESC
"""
_PASSAGES_OF = """
SELECT p.id, -bm25(passage_words, 1.0, 0.7, 0.6, 0.5) AS score, p.file, p.around, p.speaker, p.key
FROM passage_words JOIN passage p ON p.id = passage_words.rowid
WHERE passage_words MATCH :query AND p.file IN (SELECT value FROM json_each(:only))
ORDER BY score DESC LIMIT :most
"""
# Weights of the columns: title, fields, body.
_FILES = """
SELECT rowid, -bm25(file_words, 2.0, 1.0, 0.6) AS score FROM file_words
WHERE file_words MATCH :query ORDER BY score DESC LIMIT :most
"""
_IN_PLACE = """
SELECT passage.id FROM passage JOIN file ON file.id = passage.file
WHERE passage.id IN (SELECT value FROM json_each(?)) ORDER BY file.path, passage.id
"""


_Row = tuple[int, float, int, int, str, int]  # passage, score, and the rest of its `Place`


@dataclass(slots=True)
class Candidate:
    """A passage and what speaks for it.

    `named` are the titles of records that the query names and this is of, `linked` of those that it refers to;
    `speaker` says it and is named; `related` are words that it shares with the best; `replaces` is the title of what
    it took the place of, `replaced_by` of what took its own.
    """

    passage: int
    file: File
    score: float = 0.0
    named: Sequence[str] = ()
    linked: Sequence[str] = ()
    speaker: str = ""
    related: tuple[str, ...] = ()
    replaces: str = ""
    replaced_by: str = ""
    near: float | None = None


@dataclass(slots=True)
class _Search:
    """One question to one index: the wanted files that were met so far."""

    index: Index
    wanted: Wanted
    files: dict[int, File] = field(default_factory=dict)
    places: dict[int, Place] = field(default_factory=dict)
    others: set[int] = field(default_factory=set)  # files that are not wanted

    def best(self, words: Sequence[str]) -> dict[int, float]:
        """Passage → score in 0..1, for at most `POOL` of wanted files."""
        rows, is_cut = _rows(self.index.db, _PASSAGES, words, None)
        kept = self._allowed(rows)
        if is_cut and len(kept) < FEWEST and len(kept) < len(rows):
            only = [file.id for file in self.index.files() if self.wanted.allows(file)]
            rows, _ = _rows(self.index.db, _PASSAGES_OF, words, only)
            kept = self._allowed(rows)
        top = kept[0][1] if kept else 0.0
        return {passage: score / top if top > 0 else 0.0 for passage, score in kept}

    def nearest(self, asked: Asked) -> list[int]:
        """At most about `NEAREST` passages of wanted files that are nearest in meaning."""
        found = _near(asked.best(NEAREST))
        passages = self._of_keys(found)
        if len(passages) < FEWEST and len(found) > len(passages):
            only = [file.id for file in self.index.files() if self.wanted.allows(file)]
            known = asked.of(self.index.keys_of_files(only))
            best = sorted(known.items(), key=lambda item: (-item[1], item[0]))[:NEAREST]
            passages = self._of_keys(_near(best))
        return passages

    def _of_keys(self, keys: Sequence[int]) -> list[int]:
        places = [place for found in self.index.of_keys(keys).values() for place in found]
        self._learn(places)
        return [place.id for place in places if place.id in self.places]

    def _allowed(self, rows: Sequence[_Row]) -> list[tuple[int, float]]:
        self._learn([Place(row[0], *row[2:]) for row in rows])
        return [(row[0], row[1]) for row in rows if row[0] in self.places]

    def meet(self, passages: Collection[int]) -> None:
        """Learn where passages stand; those of files that are not wanted stay unknown."""
        self._learn(self.index.places_of([each for each in passages if each not in self.places]).values())

    def _learn(self, places: Collection[Place]) -> None:
        unknown = {place.file for place in places} - self.files.keys() - self.others
        for number, file in self.index.files_of(sorted(unknown)).items():
            if self.wanted.allows(file):
                self.files[number] = file
            else:
                self.others.add(number)
        self.places.update((place.id, place) for place in places if place.file in self.files)


def ranked(index: Index, query: str, wanted: Wanted, asked: Asked | None = None) -> list[Candidate]:
    """Candidates among the wanted files, best first; by words alone where nothing is `asked` of meaning."""
    words = query_words(query)
    if not words:
        return []
    search = _Search(index, wanted)
    near = search.nearest(asked) if asked else []
    found = search.best(words)
    scores = dict.fromkeys(near, 0.0) | _with_neighbours(search, found)
    of_file = _files(index.db, words)
    several = {place.file for place in search.places.values() if place.around}
    candidates = {}
    for passage, score in scores.items():
        file = search.files[search.places[passage].file]
        whole = of_file.get(file.id, 0.0) if file.id in several else found.get(passage, 0.0)
        candidates[passage] = Candidate(passage, file, score + FILE_WEIGHT * whole)
    _add_names(search, candidates, named_in(index.db, query), set(words_of(query)))
    _feed_back(search, words, candidates)
    if asked:
        _add_meaning(search, asked, words, candidates)
    _prefer_the_newer(search, candidates)
    return _ordered(candidates.values(), KEPT)


def _ordered(candidates: Collection[Candidate], most: int) -> list[Candidate]:
    """The best `most` and those equal to the last: best first; of equals the newer, then by path and place."""
    scores = {candidate.passage: round(candidate.score, 9) for candidate in candidates}
    edge = sorted(scores.values(), reverse=True)[:most][-1] if scores else 0.0
    kept = [candidate for candidate in candidates if scores[candidate.passage] >= edge]
    kept.sort(key=lambda item: (item.file.path, item.passage))
    kept.sort(key=lambda item: item.file.created, reverse=True)
    return sorted(kept, key=lambda item: -scores[item.passage])


def _rows(
    db: sqlite3.Connection, search: str, words: Sequence[str], only: Sequence[int] | None
) -> tuple[list[_Row], bool]:
    """The rows, best first, at most `POOL`; and whether there were more.

    Row ids tell of the index's history, so they must not decide who is in the pool. Where its edge cuts through rows
    of equal score, these are left out, unless that leaves nothing: then (rare, and slower) all are put in order.
    """
    values = {"query": match_any(words), "only": json.dumps(only), "most": POOL + 1}
    rows: list[_Row] = db.execute(search, values).fetchall()
    if len(rows) <= POOL:
        return rows, False
    edge = rows[-1][1]
    kept = [row for row in rows if row[1] > edge]
    if kept:
        return kept, True
    rows = db.execute(search, {**values, "most": -1}).fetchall()
    ids = json.dumps([row[0] for row in rows])
    place = {row[0]: number for number, row in enumerate(db.execute(_IN_PLACE, (ids,)))}
    return sorted(rows, key=lambda row: (-row[1], place[row[0]]))[:POOL], True


def _with_neighbours(search: _Search, found: Mapping[int, float]) -> dict[int, float]:
    """What matched, and in conversations what was said next to it: each turn lends its neighbours a share of its score.

    An answer rarely repeats the words of the question before it. A paragraph stands for itself.
    """
    scores = dict(found)
    for passage, score in islice(found.items(), LENDING):
        for beside in search.places[passage].turns_beside:
            scores[beside] = scores.get(beside, 0.0) + NEIGHBOUR_WEIGHT * score
    search.meet(scores.keys() - found.keys())
    return scores


def _files(db: sqlite3.Connection, words: Sequence[str]) -> dict[int, float]:
    """File of several passages → score in 0..1, for the best of them."""
    rows = db.execute(_FILES, {"query": match_any(words), "most": POOL}).fetchall()
    top = rows[0][1] if rows else 0.0
    return {row[0]: row[1] / top if top > 0 else 0.0 for row in rows}


def _add_names(search: _Search, candidates: Mapping[int, Candidate], named: Named, words: set[str]) -> None:
    if named.of:
        for candidate in candidates.values():
            candidate.named = named.of.get(candidate.file.id, ())
            candidate.linked = named.linked.get(candidate.file.id, ())
            candidate.score += NAME_WEIGHT if candidate.named else LINK_WEIGHT if candidate.linked else 0.0
    speakers = {search.places[passage].speaker for passage in candidates}
    asked = {speaker for speaker in speakers if speaker and not words.isdisjoint(words_of(speaker))}
    if asked:
        for passage, candidate in candidates.items():
            if (speaker := search.places[passage].speaker) in asked:
                candidate.speaker = speaker
                candidate.score += SPEAKER_WEIGHT


def _feed_back(search: _Search, words: Sequence[str], candidates: dict[int, Candidate]) -> None:
    """Search once more with the telling words of the best passages (pseudo-relevance feedback)."""
    best = _ordered(candidates.values(), FEEDBACK_PASSAGES)[:FEEDBACK_PASSAGES]
    related = related_words(search.index, words, [item.passage for item in best])
    if not related:
        return
    for passage, score in search.best(related).items():
        if passage not in candidates:
            file = search.files[search.places[passage].file]
            candidates[passage] = Candidate(passage, file, related=tuple(related))
        candidates[passage].score += FEEDBACK_WEIGHT * score


def _nearest_turn(search: _Search, passage: int, nearness: Mapping[int, float]) -> float:
    """How near is what was said just before or after it, as far as that is a candidate too?"""
    return max((nearness.get(turn, 0.0) for turn in search.places[passage].turns_beside), default=0.0)


def _near(found: Sequence[tuple[int, float]]) -> list[int]:
    """Keys that are not far behind the nearest: everything is near to something."""
    return [key for key, near in found if near >= NEAR_ENOUGH * found[0][1]]


def _add_meaning(search: _Search, asked: Asked, words: Sequence[str], candidates: Mapping[int, Candidate]) -> None:
    """Let how near each is in meaning count beside its words: the more, the less of the question its words hold."""
    keys = {passage: search.places[passage].key for passage in candidates}
    known = asked.of(list(set(keys.values())))
    nearness = {passage: known[key] for passage, key in keys.items() if key in known}
    near = {passage: own + TURN_WEIGHT * _nearest_turn(search, passage, nearness) for passage, own in nearness.items()}
    best = [each.passage for each in _ordered(candidates.values(), JUDGED)[:JUDGED]]
    weight = weight_of_meaning(held_of(search.index, words, best))
    scores = fused({passage: candidate.score for passage, candidate in candidates.items()}, near, weight)
    for passage, candidate in candidates.items():
        candidate.score = scores[passage]
        candidate.near = nearness.get(passage)


def _prefer_the_newer(search: _Search, candidates: dict[int, Candidate]) -> None:
    """What took the place of something else stands at least where that stood, and the old below it."""
    old = {each.file.path: each.file for each in candidates.values() if each.file.replaced_by}
    if not old:
        return
    successors = search.index.files_at(sorted({file.replaced_by for file in old.values()}))
    by_path: dict[str, list[Candidate]] = {}
    for candidate in candidates.values():
        by_path.setdefault(candidate.file.path, []).append(candidate)
    for path, file in sorted(old.items()):
        successor = successors.get(file.replaced_by)
        if successor is None or successor.path == path:
            continue
        best = max(by_path[path], key=lambda item: (item.score, -item.passage))
        for candidate in by_path[path]:
            candidate.replaced_by = successor.title
        newer = by_path.get(successor.path) or _first_of(search, successor)
        if newer:
            first = max(newer, key=lambda item: (item.score, -item.passage))
            first.score = max(first.score, best.score)
            first.replaces = file.title
            candidates.setdefault(first.passage, first)
    for candidate in candidates.values():
        if candidate.replaced_by:
            candidate.score *= REPLACED


def _first_of(search: _Search, file: File) -> list[Candidate]:
    """The first passage of a file that matched nothing itself; none where the file is not wanted."""
    if not search.wanted.allows(file):
        return []
    row = search.index.db.execute("SELECT min(id) FROM passage WHERE file = ?", (file.id,)).fetchone()
    return [Candidate(int(row[0]), file)] if row and row[0] is not None else []
