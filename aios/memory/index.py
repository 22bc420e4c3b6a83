"""The index: a SQLite file of passages, brought to exactly one tree's listing before each answer.

It is derived and disposable. Files are known by (path, blob id); what the tree no longer lists goes, what is new is
read, nothing else is touched, and what is left is the same as if it had been built anew: also the word statistics.
A tree that tells its identity is not listed again where the index already stands at it. A file that is corrupt, foreign
or of another version is replaced. Several processes may share it; where it cannot be written at all, an index in memory
takes its place.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from aios.domain.tree import Identified, Tree
from aios.memory.dates import date_words
from aios.memory.passage import Passage, key_of, whole
from aios.memory.scope import DIRECTORIES, SUMMARY, is_recalled
from aios.memory.tables import DELETE_FILE, DELETE_PASSAGE, INSERT_FILE, INSERT_PASSAGE, OWN_TABLES, TABLES
from aios.memory.tidying import tidy

if TYPE_CHECKING:
    from aios.memory.entries import Entry

APPLICATION = 0x61696F73  # "aios"
VERSION = 7
WRITTEN_AHEAD = 4 * 1024 * 1024  # bytes of SQLite's write-ahead log that are kept for the next writing
BEFORE, AFTER = 1, 2  # of `passage.around`
PATIENCE = 20.0  # seconds that we wait for another process to finish writing

_FILES = "SELECT id, path, blob, kind, kinds, title, trust, created, expires, run, replaced_by, extra FROM file"
_ADD_FILE = (
    "INSERT INTO file(path, blob, kind, kinds, title, trust, created, expires, run, replaced_by, facts, extra)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_ADD_PART = (
    "INSERT INTO passage(id, file, start, end, line, heading, speaker, around, key, text)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_PASSAGES = """
SELECT id, file, start, end, line, heading, text, speaker FROM passage WHERE id IN (SELECT value FROM json_each(?))
"""
_FILES_OF = f"{_FILES} WHERE id IN (SELECT value FROM json_each(?))"  # noqa: S608 (no value of anybody's in it)
_FILES_AT = f"{_FILES} WHERE path IN (SELECT value FROM json_each(?))"  # noqa: S608
_PLACES = "SELECT id, file, around, speaker, key FROM passage WHERE id IN (SELECT value FROM json_each(?))"
_STANDS_AT = "UPDATE state SET tree = ?, passages = (SELECT count(*) FROM passage), gone = gone + ?"
_PLACES_OF_KEYS = (
    "SELECT id, file, around, speaker, key FROM passage WHERE key IN (SELECT value FROM json_each(?)) ORDER BY id"
)
_KEYS_OF_FILES = "SELECT DISTINCT key FROM passage WHERE file IN (SELECT value FROM json_each(?)) ORDER BY key"
_LINKED = "SELECT file FROM link WHERE target = ?"
_ALL_KEYS = "SELECT p.key FROM passage p JOIN file f ON f.id = p.file ORDER BY f.created DESC, f.path, p.id"
_TEXTS_OF_KEYS = """
SELECT p.key, f.title, p.heading, p.text, p.speaker FROM passage p JOIN file f ON f.id = p.file
WHERE p.key IN (SELECT value FROM json_each(?))
"""
_Part = tuple[int, str, str]  # passage id, text, heading

# A connection must not be used, nor closed, by a child of the process that opened it: children keep theirs here.
_INHERITED: list[sqlite3.Connection] = []


class File(NamedTuple):
    """A file of the index, without its text. `extra` is what its only passage is found by beside its text.

    `kinds` are joined by bars. A tuple, as the database gives it: a question meets hundreds of them.
    """

    id: int
    path: str
    blob: str
    kind: str
    kinds: str
    title: str
    trust: str
    created: str
    expires: float | None
    run: str
    replaced_by: str
    extra: str

    def is_any_of(self, kinds: frozenset[str]) -> bool:
        return not kinds.isdisjoint(self.kinds.split("|"))


class Place(NamedTuple):
    """Where a passage stands, and who says it (lower case; empty where nobody is named).

    Passages of one file have ids in order, one after another; `around` tells which neighbours there are. `key` names
    its text among vectors.
    """

    id: int
    file: int
    around: int
    speaker: str
    key: int = 0

    @property
    def turns_beside(self) -> tuple[int, ...]:
        """The turns before and after this one; none for what nobody says."""
        if not self.speaker:
            return ()
        return (self.id - 1,) * (self.around & BEFORE) + (self.id + 1,) * (self.around >> 1)


class Index:
    """An open index; `db` is for the searches of `aios.memory.ranking`."""

    def __init__(self, path: Path | None, *, patience: float = PATIENCE) -> None:
        """Open or make the index at `path` (None: in memory). Raises `sqlite3.Error` and `OSError`."""
        self.pid = os.getpid()
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
        place = str(path or ":memory:")
        self.db = sqlite3.connect(place, timeout=patience, isolation_level=None, check_same_thread=False)
        try:
            self._prepare()
        except sqlite3.Error:
            self.db.close()
            raise

    def _prepare(self) -> None:
        if self.db.execute("PRAGMA journal_mode").fetchone()[0] not in {"wal", "memory"}:
            self.db.execute("PRAGMA journal_mode=WAL")
        self.db.execute("PRAGMA synchronous=NORMAL")
        self.db.execute("PRAGMA temp_store=MEMORY")
        self.db.execute("PRAGMA mmap_size=1073741824")
        self.db.execute(f"PRAGMA journal_size_limit={WRITTEN_AHEAD}")
        if self._marks() != (APPLICATION, VERSION):
            with self._writing():
                if self._marks() != (APPLICATION, VERSION):
                    self._create()
            if self.db.execute("PRAGMA freelist_count").fetchone()[0]:
                self.db.execute("VACUUM")  # another version's file, empty now
        self.db.executescript(OWN_TABLES)

    def _marks(self) -> tuple[int, int]:
        (application,) = self.db.execute("PRAGMA application_id").fetchone()
        (version,) = self.db.execute("PRAGMA user_version").fetchone()
        return application, version

    def _create(self) -> None:
        """Drop whatever is there (another version, a stranger's tables) and make the tables anew."""
        made = "SELECT type, name FROM sqlite_schema WHERE type IN ('view', 'table') AND name NOT LIKE 'sqlite_%'"
        ordered = sorted(self.db.execute(made).fetchall(), key=lambda row: (row[0] != "view", len(row[1])))
        for kind, name in ordered:
            quoted = name.replace('"', '""')
            self.db.execute(f'DROP {kind} IF EXISTS "{quoted}"')
        for statement in TABLES.split(";\n"):
            self.db.execute(statement)
        self.db.execute(f"PRAGMA application_id={APPLICATION}")
        self.db.execute(f"PRAGMA user_version={VERSION}")

    @contextmanager
    def at(self, tree: Tree) -> Iterator[None]:
        """Hold the index at exactly this tree's files."""
        identity = tree.identity(DIRECTORIES) if isinstance(tree, Identified) else ""
        gone = 0
        self.db.execute("BEGIN")
        try:
            if not (identity and self.tree() == identity):
                # A read transaction cannot always become a writing one; end it and look again under the write lock.
                before = self.tree()
                self.db.execute("ROLLBACK")
                changes = _changes_since(before, tree)
                wanted = recalled(tree) if changes is None else {}
                self.db.execute("BEGIN")
                if identity or self._blobs() != wanted:
                    self.db.execute("ROLLBACK")
                    self.db.execute("BEGIN IMMEDIATE")
                    if changes is None or self.tree() != before:
                        changes = self._differences(wanted or recalled(tree))
                    gone = self._change(changes, tree)
                    self.db.execute(_STANDS_AT, (identity, gone))
            yield
        except BaseException:
            if self.db.in_transaction:
                self.db.execute("ROLLBACK")
            raise
        self.db.execute("COMMIT")
        if gone:
            self.tidy()

    def tree(self) -> str:
        """What the index stands at, as the tree named it. Raises `sqlite3.DatabaseError` where that is lost."""
        row = self.db.execute("SELECT tree FROM state").fetchone()
        if row is None:
            raise sqlite3.DatabaseError("the index does not know where it stands")
        return str(row[0])

    def _blobs(self) -> dict[str, str]:
        return dict(self.db.execute("SELECT path, blob FROM file").fetchall())

    def _differences(self, wanted: Mapping[str, str]) -> dict[str, str | None]:
        """Path → blob id that is wanted (None: none) of what is not here as it is wanted."""
        known = self._blobs()
        gone: dict[str, str | None] = {path: None for path in known if path not in wanted}
        return gone | {path: blob for path, blob in wanted.items() if known.get(path) != blob}

    def _change(self, changes: Mapping[str, str | None], tree: Tree) -> int:
        """Take out what was at these paths, read what is there now. Returns how many passages went."""
        gone = 0
        for path in changes:
            row = self.db.execute("SELECT id FROM file WHERE path = ?", (path,)).fetchone()
            gone += self._remove(row[0]) if row else 0
        if any(changes.values()):
            from aios.memory.entries import entry  # costs 30 ms that a search without news need not pay

            for path, blob in sorted(changes.items()):
                if blob is not None:
                    self._add(entry(path, tree.read(path) or b""), blob)
        return gone

    def _add(self, found: Entry, blob: str) -> None:
        several = len(found.passages) > 1
        extra = date_words(found.created)
        if not several and found.passages and found.facts != found.passages[0].text:
            extra = f"{extra}\n{found.facts}"
        number = self.db.execute(_ADD_FILE, (
            found.path, blob, found.kind, f"|{'|'.join(found.kinds)}|", found.title, found.trust.value, found.created,
            found.expires, found.run, found.replaced_by, found.facts, extra,
        )).lastrowid or 0  # fmt: skip
        self.db.executemany("INSERT OR IGNORE INTO name VALUES (?, ?)", [(name, number) for name in found.names])
        self.db.executemany("INSERT OR IGNORE INTO link VALUES (?, ?)", [(name, number) for name in found.links])
        # One after another, so that neighbours have neighbouring ids.
        first = self.db.execute("SELECT coalesce(max(id), 0) + 1 FROM passage").fetchone()[0]
        above = max(found.body_line, 1) - 1
        rows = [
            (
                *(first + place, number, part.start, part.end, part.line + above, part.heading, part.speaker.lower()),
                *(_around(found, place), key_of(whole(found.title, part)), part.text),
            )
            for place, part in enumerate(found.passages)
        ]
        self.db.executemany(_ADD_PART, rows)
        parts = [(first + place, part.text, part.heading) for place, part in enumerate(found.passages)]
        self._words(number, (found.title, found.facts, extra), parts)

    def _remove(self, number: int) -> int:
        """Take a file out; returns how many passages it had."""
        about = self.db.execute("SELECT title, facts, extra FROM file WHERE id = ?", (number,)).fetchone()
        rows = self.db.execute("SELECT id, text, heading FROM passage WHERE file = ? ORDER BY id", (number,)).fetchall()
        self._words(number, about, rows, remove=True)
        for table in ("passage", "name", "link"):
            self.db.execute(f"DELETE FROM {table} WHERE file = ?", (number,))  # noqa: S608
        self.db.execute("DELETE FROM file WHERE id = ?", (number,))
        return len(rows)

    def _words(self, number: int, about: tuple[str, str, str], parts: Sequence[_Part], *, remove: bool = False) -> None:
        """Enter a file's words, or take out exactly those that were entered."""
        title, facts, extra = about
        rows = [
            (identifier, text, heading, title, f"{extra} {date_words(heading)}") for identifier, text, heading in parts
        ]
        self.db.executemany(DELETE_PASSAGE if remove else INSERT_PASSAGE, rows)
        if len(parts) > 1:
            body = "\n".join(text for _, text, _ in parts)
            self.db.execute(DELETE_FILE if remove else INSERT_FILE, (number, title, facts, body))

    def count(self) -> int:
        """Passages in the index."""
        return int(self.db.execute("SELECT passages FROM state").fetchone()[0])

    def passages_of(self, ids: Sequence[int]) -> dict[int, tuple[int, Passage]]:
        """File id and passage by passage id; `line` counts within the file."""
        rows = self.db.execute(_PASSAGES, (json.dumps(ids),))
        return {row[0]: (row[1], Passage(*row[2:])) for row in rows}

    def places_of(self, ids: Sequence[int]) -> dict[int, Place]:
        return {row[0]: Place(*row) for row in self.db.execute(_PLACES, (json.dumps(ids),))}

    def of_keys(self, keys: Sequence[int]) -> dict[int, list[Place]]:
        """Where the texts of these keys stand; the same text may stand in several places."""
        found: dict[int, list[Place]] = {}
        for row in self.db.execute(_PLACES_OF_KEYS, (json.dumps(keys),)):
            found.setdefault(row[4], []).append(Place(*row))
        return found

    def keys_of_files(self, files: Sequence[int]) -> list[int]:
        """The keys of the passages of some files, each once."""
        return [row[0] for row in self.db.execute(_KEYS_OF_FILES, (json.dumps(files),))]

    def keys(self) -> list[int]:
        """The keys of all passages, those of the newest files first; costs what it sounds like."""
        return [row[0] for row in self.db.execute(_ALL_KEYS)]

    def texts_of_keys(self, keys: Sequence[int]) -> dict[int, str]:
        """What of a passage has a place in the space of meaning, by its key."""
        found: dict[int, str] = {}
        for key, title, *part in self.db.execute(_TEXTS_OF_KEYS, (json.dumps(keys),)):
            found.setdefault(key, whole(title, Passage(0, 0, 0, *part)))
        return found

    def files_of(self, ids: Sequence[int]) -> dict[int, File]:
        rows = self.db.execute(_FILES_OF, (json.dumps(ids),))
        return {row[0]: File(*row) for row in rows}

    def files_at(self, paths: Sequence[str]) -> dict[str, File]:
        rows = self.db.execute(_FILES_AT, (json.dumps(paths),))
        return {row[1]: File(*row) for row in rows}

    def files_about(self, record: str) -> frozenset[int]:
        """The record's own file and those that refer to it, by its id, ref or path."""
        ref = record.removeprefix("state/").removesuffix(".yaml").removesuffix(".md")
        stem = ref.rpartition("/")[2]
        paths = [f"state/{ref}.yaml", f"state/{ref}.md", f"{ref}.md"]
        if "/" not in ref:
            own = self.db.execute("SELECT id, path FROM file").fetchall()
            found = {number for number, path in own if path.rpartition("/")[2].rpartition(".")[0] == stem}
        else:
            found = {file.id for file in self.files_at(paths).values()}
        return frozenset(found.union(row[0] for row in self.db.execute(_LINKED, (stem,))))

    def files(self) -> Iterator[File]:
        """All of them; costs what it sounds like."""
        return (File(*row) for row in self.db.execute(f"{_FILES} ORDER BY path"))

    def tidy(self) -> None:
        """Give back what gone files leave, where that is due and nobody else writes; see `aios.memory.tidying`."""
        with suppress(sqlite3.OperationalError):  # locked, or no room: it waits for a better time
            tidy(self.db)

    def close(self) -> None:
        """Close; in a child of the process that opened it, only let go."""
        if self.pid == os.getpid():
            self.db.close()
        else:
            _INHERITED.append(self.db)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        self.db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self.db.execute("ROLLBACK")
            raise
        self.db.execute("COMMIT")


def _around(found: Entry, place: int) -> int:
    """Which neighbours a passage has. In a summary each section was a note of its own, and its next is a stranger."""
    parts = found.passages
    beside = [
        0 <= other < len(parts) and (found.kind != SUMMARY or parts[other].heading == parts[place].heading)
        for other in (place - 1, place + 1)
    ]
    return beside[0] * BEFORE + beside[1] * AFTER


def discard(path: Path) -> None:
    """Remove an index file that cannot be used, its log first so that no other process reads it into a new file."""
    for name in (f"{path}-wal", f"{path}-shm", str(path)):
        with suppress(FileNotFoundError):
            Path(name).unlink()


def _changes_since(identity: str, tree: Tree) -> dict[str, str | None] | None:
    """What memory keeps of the tree's changes since it had that identity; None where the tree cannot tell."""
    changes = tree.changes_since(identity, DIRECTORIES) if identity and isinstance(tree, Identified) else None
    return None if changes is None else {path: blob for path, blob in changes.items() if is_recalled(path)}


def recalled(tree: Tree) -> dict[str, str]:
    """Path → blob id of what memory keeps of a tree."""
    found = ((path, tree.blob(path)) for prefix in DIRECTORIES for path in tree.paths(prefix) if is_recalled(path))
    return {path: blob for path, blob in found if blob}
