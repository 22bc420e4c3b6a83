"""Recall: the passages of a tree that answer a query, with place, trust and the reason in words.

What is found depends on the tree, the query and the moment only: never on what the index held before. A broken or
unwritable index costs time, not an answer.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, TypeVar

from aios.domain.memory import EVERYTHING, Among, Hit
from aios.domain.record import Trust
from aios.domain.tree import Tree
from aios.errors import RefusedError
from aios.memory.expiry import FOR_EVER
from aios.memory.fusion import Asked
from aios.memory.index import PATIENCE, Index, discard
from aios.memory.lifetimes import lifetimes_of
from aios.memory.passage import Passage
from aios.memory.ranking import Candidate, ranked
from aios.memory.reasons import why
from aios.memory.scope import SUMMARY, moment
from aios.memory.wanted import Wanted

if TYPE_CHECKING:
    from aios.memory.meaning.meaning import Coverage, Meaning
    from aios.memory.meaning.refresh import Embedded

T = TypeVar("T")

PER_FILE = 3
CHARS_PER_TOKEN = 4  # about right for prose, and no model's business

_PLACE_AT_FAULT = {
    sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH, sqlite3.SQLITE_NOMEM,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Verified:
    """`differences` in words; the tree that the index was held to, by its id, and the model of the vectors."""

    differences: tuple[str, ...]
    tree: str = ""
    passages: int = 0
    model: str = ""
    fingerprint: str = ""


class Memory:
    """Recall over a tree through an index file (kept under `.aios/`), shared by processes, forks and threads alike."""

    def __init__(
        self, index: Path, *, patience: float = PATIENCE, meaning: Callable[[], Meaning | None] = lambda: None
    ) -> None:
        """`patience` is how long, in seconds, a recall waits while another process writes the index. `meaning` gives
        recall by meaning, None where no model is chosen; it may raise RefusedError.
        """
        self._path = index
        self._patience = patience
        self._find_meaning = meaning
        self._looked_at = ""
        self.without_meaning: RefusedError | None = None
        self.behind = 0
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
        among: Among = EVERYTHING,
        now: str = "",
        per_file: int = PER_FILE,
        tokens: int = 0,
    ) -> list[Hit]:
        """The best `limit` passages, best first, at most `per_file` of one file; none where nothing fits.

        `query` is plain words; nothing in it is syntax. `kinds` may name record kinds (`source`), kinds of notes
        (`lesson`), `note` for all of them, or directories (`sources`). `exclude` holds paths or globs; so does `only`,
        which leaves out every other file (the `reads` of a contract, say). `among` narrows by trust, run, record and
        time. What a summary stands for counts as the notes that it was: each passage for itself. `now` is ISO 8601;
        what expired before is left out (by itself, or as `memory/policy.yaml` of the tree says for its kind), and
        nothing expires where it is empty. `tokens` bounds the length of all passages together (0: no bound); the first
        is given whatever its length.
        """
        moment_now = moment(now) if now else None
        lives = lifetimes_of(tree) if now else FOR_EVER
        wanted = Wanted(frozenset(kinds), tuple(exclude), tuple(only), among, moment_now, lives)
        with self._lock:
            return self._in_any_case(lambda: self._answer(tree, query, limit, wanted, per_file, tokens))

    def kinds(self, tree: Tree) -> frozenset[str]:
        """Every word that names a kind here; all entries are read. Raises `sqlite3.Error` and OSError."""
        with self._lock:
            index = self._open()
            with index.at(tree):
                return frozenset(word for file in index.files() for word in file.kinds.split("|") if word)

    def refers_to(self, tree: Tree, record: str) -> bool:
        """Is there such a record, or a file that refers to it? Raises `sqlite3.Error` and OSError."""
        with self._lock:
            index = self._open()
            with index.at(tree):
                return bool(index.files_about(record))

    def coverage(self, tree: Tree) -> Coverage | None:
        """How many of a tree's passages have a vector; None where no model is chosen. Raises RefusedError."""
        with self._lock:
            if self.meaning is None:
                return None
            return self.meaning.coverage(self._in_any_case(lambda: self._keys(tree))[0])

    def verify(self, tree: Tree) -> Verified:
        """What of the index differs from what the tree holds, in words; nothing where they are equal.

        Brings the index to the tree first, as every recall does; then reads every file anew. Raises nothing: an index
        that cannot be read is said to be so.
        """
        from aios.memory.verifying import differences

        found: list[str] = []
        identity, count = "", 0
        with self._lock:
            try:
                index = self._open()
                with index.at(tree):
                    found += differences(index, tree)
                    keys, identity, count = index.keys(), index.tree(), index.count()
                if self.meaning is None:
                    return Verified(tuple(found), identity, count)
                found += self.meaning.differences(keys, index.texts_of_keys)
                return Verified(tuple(found), identity, count, self.meaning.choice.name, self.meaning.fingerprint)
            except RefusedError as error:
                return Verified((*found, f"vectors: {error.message}; {error.hint}"), identity, count)
            except (sqlite3.Error, OSError) as error:
                self.close()
                return Verified((*found, f"{self._path}: cannot be read ({error}); `aios rebuild` makes it anew"))

    def close(self) -> None:
        """Close the index file; a later recall opens it again."""
        if self._index is not None:
            self._index.close()
            self._index = None

    @property
    def is_in_memory(self) -> bool:
        """Could the index file not be used, so that one in memory serves?"""
        return self._in_memory

    def _answer(self, tree: Tree, query: str, limit: int, wanted: Wanted, per_file: int, tokens: int) -> list[Hit]:
        index = self._open()
        asked = self._ask(index, tree, query)
        with index.at(tree):
            if wanted.among.record:
                wanted = replace(wanted, about=index.files_about(wanted.among.record))
            candidates = ranked(index, query, wanted, asked)
            chosen = _diverse(candidates, max(limit, 0), per_file)
            found = index.passages_of([candidate.passage for candidate in chosen])
            reasons = why(index, query, chosen, {number: part for number, (_, part) in found.items()})
            if not reasons.fits:
                return []
            model = asked.model if asked else ""
            hits = [
                _hit(each, found[each.passage][1], reasons.texts[each.passage], model, weak=reasons.weak)
                for each in chosen
            ]
        return _within(hits, tokens) if tokens else hits

    @cached_property
    def meaning(self) -> Meaning | None:
        """Recall by meaning; None where no model is chosen. Raises RefusedError where the choice is not in order."""
        return self._find_meaning()

    def refresh(
        self, tree: Tree, report: Callable[[int, int], None] = lambda *_: None, *, wait: bool = False
    ) -> Embedded | None:
        """Bring index and vectors to a tree; None where no model is chosen.

        `report` is told how many passages were embedded so far, of how many. Where another process is making the
        vectors nothing is done, unless we `wait` until it is through. Raises RefusedError, `sqlite3.Error` and
        OSError.
        """
        from aios.memory.meaning.refresh import refresh

        with self._lock:
            keys, identity = self._in_any_case(lambda: self._keys(tree))
            if self.meaning is None:
                return None
            self.behind = 0
            return refresh(self.meaning, keys, self._open().texts_of_keys, tree=identity, report=report, wait=wait)

    def _keys(self, tree: Tree) -> tuple[list[int], str]:
        """The keys of all passages of a tree, and its identity."""
        index = self._open()
        with index.at(tree):
            return index.keys(), index.tree()

    def _ask(self, index: Index, tree: Tree, query: str) -> Asked | None:
        """The question as a place in the space of meaning; None, and why it is so, where there is no such thing."""
        self.without_meaning = None
        try:
            if self.meaning is None:
                return None
            self._catch_up(self.meaning, index, tree)
            return self.meaning.ask(query)
        except RefusedError as error:
            self.without_meaning = error
        except OSError as error:
            self.without_meaning = RefusedError(f"the vectors cannot be read: {error}", "`aios memory refresh`")
        return None

    def _catch_up(self, meaning: Meaning, index: Index, tree: Tree) -> None:
        """Give new passages their vectors where they are few; note how many are left for a refresh.

        The index is not held meanwhile: a model takes its time, and others write.
        """
        from aios.memory.meaning.refresh import catch_up

        store = meaning.chosen()
        complete = store.complete if store is not None else ""
        with index.at(tree):
            identity, count = index.tree(), index.count()
            if self._looked_at == identity != "":
                return
            keys = index.keys() if complete and (complete != identity or not identity) else []
        if store is None or not complete:
            self.behind = count
        else:
            self.behind = catch_up(store, keys, index.texts_of_keys, tree=identity) if keys else 0
        self._looked_at = identity

    def _open(self) -> Index:
        if self._index is not None and self._index.pid != os.getpid():
            self.close()
        if self._index is None:
            self._index = Index(None if self._in_memory else self._path, patience=self._patience)
        return self._index

    def _in_any_case(self, ask: Callable[[], T]) -> T:
        """What is asked of the index, whatever becomes of its file."""
        for _ in range(2):
            try:
                return ask()
            except (sqlite3.Error, OSError) as error:
                self._recover(error)
        self._give_up()
        return ask()

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


def _diverse(candidates: Sequence[Candidate], limit: int, per_file: int) -> list[Candidate]:
    """At most `per_file` of one file; but what a summary stands for were files of their own."""
    chosen: list[Candidate] = []
    taken: dict[int, int] = {}
    for candidate in candidates:
        if len(chosen) >= limit:
            break
        if candidate.file.kind == SUMMARY or taken.get(candidate.file.id, 0) < per_file:
            taken[candidate.file.id] = taken.get(candidate.file.id, 0) + 1
            chosen.append(candidate)
    return chosen


def _within(hits: Sequence[Hit], tokens: int) -> list[Hit]:
    """The best that fit together; a long one is passed over for shorter ones behind it."""
    kept: list[Hit] = []
    left = tokens
    for hit in hits:
        needed = len(hit.text) // CHARS_PER_TOKEN + 1
        if needed <= left or not kept:
            kept.append(hit)
            left -= needed
    return kept


def _hit(candidate: Candidate, passage: Passage, reason: str, model: str, *, weak: bool) -> Hit:
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
        why=reason,
        trust=Trust(file.trust),
        created=file.created,
        blob=file.blob,
        last_line=passage.line + (passage.text.count("\n") if passage.end else 0),
        run=file.run,
        model=model,
        weak=weak,
    )
