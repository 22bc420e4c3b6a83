"""Recall: the passages of a tree that answer a query, with place, trust and the reason in words.

What is found depends on the tree, the query and the moment only: never on what the index held before. A broken or
unwritable index costs time, not an answer.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from aios.domain.globs import matches
from aios.domain.memory import Hit
from aios.domain.tree import Tree
from aios.memory.entries import moment
from aios.memory.index import PATIENCE, File, Index, Listing, discard
from aios.memory.passages import Passage
from aios.memory.ranking import Candidate, ranked
from aios.memory.words import match_any, query_words

PER_FILE = 3
NAMED_WORDS = 5  # of the words that matched, in a reason

_PLACE_AT_FAULT = {
    sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH, sqlite3.SQLITE_NOMEM,
}  # fmt: skip
_HERE, _END = "\ue000", "\ue001"  # private characters, so that no text of the operator's is taken for a mark
_HIGHLIGHT = """
SELECT rowid, highlight(passage_words, 0, :here, :end), highlight(passage_words, 1, :here, :end),
       highlight(passage_words, 2, :here, :end)
FROM passage_words WHERE passage_words MATCH :query AND rowid IN (SELECT value FROM json_each(:ids))
"""


class Memory:
    """Recall over a tree through an index file (kept under `.aios/`), shared by processes, forks and threads alike."""

    def __init__(self, index: Path, *, patience: float = PATIENCE) -> None:
        """`patience` is how long, in seconds, a recall waits while another process writes the index."""
        self._path = index
        self._patience = patience
        self._index: Index | None = None
        self._lock = Lock()
        self._in_memory = False

    def recall(
        self,
        tree: Tree,
        query: str,
        *,
        limit: int = 12,
        kinds: Sequence[str] = (),
        exclude: Collection[str] = (),
        only: Collection[str] = (),
        now: str = "",
        per_file: int = PER_FILE,
    ) -> list[Hit]:
        """The best `limit` passages, best first, at most `per_file` of one file.

        `query` is plain words; nothing in it is syntax. `kinds` may name record kinds (`source`), kinds of notes
        (`lesson`), `note` for all of them, or directories (`sources`). `exclude` holds paths or globs; so does `only`,
        which leaves out every other file (the `reads` of a contract, say). `now` is ISO 8601; what expired before is
        left out, and nothing expires where it is empty.
        """
        wanted = _Wanted(frozenset(kinds), tuple(exclude), tuple(only), moment(now) if now else None)
        with self._lock:
            for _ in range(2):
                try:
                    return self._answer(tree, query, limit, wanted, per_file)
                except (sqlite3.Error, OSError) as error:
                    self._recover(error)
            self._give_up()
            return self._answer(tree, query, limit, wanted, per_file)

    def close(self) -> None:
        """Close the index file; a later recall opens it again."""
        if self._index is not None:
            self._index.close()
            self._index = None

    @property
    def is_in_memory(self) -> bool:
        """Could the index file not be used, so that one in memory serves?"""
        return self._in_memory

    def _answer(self, tree: Tree, query: str, limit: int, wanted: _Wanted, per_file: int) -> list[Hit]:
        index = self._open()
        with index.at(tree) as listing:
            candidates = ranked(index, query, wanted.among(listing))
            chosen = _diverse(candidates, max(limit, 0), per_file)
            places = index.passages_of([candidate.passage for candidate in chosen])
            marked = _marked(index.db, query, list(places))
            return [_hit(item, places[item.passage][1], marked.get(item.passage, ("", "", ""))) for item in chosen]

    def _open(self) -> Index:
        if self._index is not None and self._index.pid != os.getpid():
            self.close()
        if self._index is None:
            self._index = Index(None if self._in_memory else self._path, patience=self._patience)
        return self._index

    def _recover(self, error: sqlite3.Error | OSError) -> None:
        """Another place where the place is at fault (locked for too long, read-only, full); else another file."""
        self.close()
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CANTOPEN) & 0xFF
        try:
            if code in _PLACE_AT_FAULT or self._in_memory:
                self._give_up()
            else:
                discard(self._path)
        except OSError:
            self._give_up()

    def _give_up(self) -> None:
        self.close()
        self._in_memory = True


@dataclass(frozen=True, slots=True)
class _Wanted:
    """Which files a question is about. `now` is POSIX time."""

    kinds: frozenset[str]
    exclude: tuple[str, ...]
    only: tuple[str, ...]
    now: float | None

    def among(self, listing: Listing) -> Mapping[int, File] | None:
        """The files wanted, None where that is all of them."""
        if not (self.kinds or self.exclude or self.only or any(self._is_expired(file) for file in listing.expiring)):
            return None
        return {number: file for number, file in listing.by_id.items() if self._allows(file)}

    def _is_expired(self, file: File) -> bool:
        return file.expires is not None and self.now is not None and file.expires < self.now

    def _allows(self, file: File) -> bool:
        return (
            not self._is_expired(file)
            and (not self.kinds or not self.kinds.isdisjoint(file.kinds))
            and (not self.only or matches(file.path, self.only))
            and not (self.exclude and matches(file.path, self.exclude))
        )


def _diverse(candidates: Sequence[Candidate], limit: int, per_file: int) -> list[Candidate]:
    chosen: list[Candidate] = []
    taken: dict[int, int] = {}
    for candidate in candidates:
        if len(chosen) >= limit:
            break
        if taken.get(candidate.file.id, 0) < per_file:
            taken[candidate.file.id] = taken.get(candidate.file.id, 0) + 1
            chosen.append(candidate)
    return chosen


def _marked(db: sqlite3.Connection, query: str, ids: Sequence[int]) -> Mapping[int, tuple[str, str, str]]:
    """Text, heading and title of passages with the query's words marked by the index's own idea of a word."""
    words = query_words(query)
    if not ids or not words:
        return {}
    rows = db.execute(_HIGHLIGHT, {"query": match_any(words), "ids": json.dumps(ids), "here": _HERE, "end": _END})
    return {row[0]: (row[1], row[2], row[3]) for row in rows}


def _hit(candidate: Candidate, passage: Passage, marked: tuple[str, str, str]) -> Hit:
    file = candidate.file
    return Hit(
        path=file.path,
        kind=file.kind,
        title=file.title,
        text=passage.text,
        start=passage.start,
        end=passage.end,
        line=passage.line,
        score=round(candidate.score, 6),
        why=_why(candidate, marked),
        trust=file.trust,
        created=file.created,
        blob=file.blob,
    )


def _why(candidate: Candidate, marked: tuple[str, str, str]) -> str:
    """In words: what matched and where, and which named record it belongs to."""
    reasons = []
    seen: set[str] = set()
    for text, place in zip(marked, ("", " in its heading", " in its title"), strict=True):
        words = [word for word in dict.fromkeys(_inside(text)) if word not in seen]
        seen.update(words)
        if words:
            more = f" and {len(words) - NAMED_WORDS} more" if len(words) > NAMED_WORDS else ""
            reasons.append(", ".join(f"“{word}”" for word in words[:NAMED_WORDS]) + more + place)
    parts = [f"matches {'; '.join(reasons)}"] if reasons else []
    parts += [f"is about {title}, which the question names" for title in candidate.named]
    parts += [f"refers to {title}" for title in candidate.linked]
    if not parts and candidate.related:
        parts.append(f"shares the words {', '.join(candidate.related[:NAMED_WORDS])} with what matches best")
    return "; ".join(parts) or "stands next to a passage that matches"


def _inside(text: str) -> list[str]:
    return [part.partition(_END)[0].lower() for part in text.split(_HERE)[1:]]
