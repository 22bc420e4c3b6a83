"""The index: a SQLite file of passages, brought to exactly one tree's listing before each answer.

It is derived and disposable. Files are known by (path, blob id); what the tree no longer lists goes, what is new is
read, nothing else is touched, and what is left is the same as if it had been built anew: also the word statistics.
A file that is corrupt, foreign or of another version is replaced. Several processes may share it; where it cannot be
written at all, an index in memory takes its place.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from aios.domain.record import Trust
from aios.domain.tree import Tree
from aios.memory.entries import Entry, entry, is_recalled
from aios.memory.passages import Passage

APPLICATION = 0x61696F73  # "aios"
VERSION = 1
PATIENCE = 20.0  # seconds that we wait for another process to finish writing
NEIGHBOUR_CHARS = 600  # of the passages before and after, as context

_TABLES = """
CREATE TABLE file (
  id INTEGER PRIMARY KEY, path TEXT NOT NULL UNIQUE, blob TEXT NOT NULL, kind TEXT NOT NULL, kinds TEXT NOT NULL,
  title TEXT NOT NULL, trust TEXT NOT NULL, created TEXT NOT NULL, expires REAL, facts TEXT NOT NULL,
  names TEXT NOT NULL, links TEXT NOT NULL
);
CREATE TABLE passage (
  id INTEGER PRIMARY KEY, file INTEGER NOT NULL, start INTEGER NOT NULL, end INTEGER NOT NULL, line INTEGER NOT NULL,
  heading TEXT NOT NULL, text TEXT NOT NULL
);
CREATE INDEX passage_by_file ON passage(file, start);
CREATE VIEW passage_columns AS
  SELECT p.id AS id, p.text AS text, p.heading AS heading, f.title AS title, '' AS context
  FROM passage p JOIN file f ON f.id = p.file;
CREATE VIEW file_columns AS SELECT id, title, facts, '' AS body FROM file;
CREATE VIRTUAL TABLE passage_words USING fts5(
  text, heading, title, context, content='passage_columns', content_rowid='id', tokenize='porter unicode61');
CREATE VIRTUAL TABLE file_words USING fts5(
  title, facts, body, content='file_columns', content_rowid='id', tokenize='porter unicode61');
CREATE VIRTUAL TABLE word USING fts5vocab('passage_words', 'row');
"""
# What FTS5 is to forget, it must be told again.
_INSERT_PASSAGE = "INSERT INTO passage_words(rowid, text, heading, title, context) VALUES (?, ?, ?, ?, ?)"
_DELETE_PASSAGE = (
    "INSERT INTO passage_words(passage_words, rowid, text, heading, title, context) VALUES ('delete', ?, ?, ?, ?, ?)"
)
_INSERT_FILE = "INSERT INTO file_words(rowid, title, facts, body) VALUES (?, ?, ?, ?)"
_DELETE_FILE = "INSERT INTO file_words(file_words, rowid, title, facts, body) VALUES ('delete', ?, ?, ?, ?)"
_PASSAGES = """
SELECT id, file, start, end, line, heading, text FROM passage WHERE id IN (SELECT value FROM json_each(?))
"""
_FILES = """
SELECT id, path, blob, kind, kinds, title, trust, created, expires, names, links FROM file ORDER BY path
"""
_Part = tuple[int, tuple[str, str]]  # passage id, (text, heading)
_OWN_TABLES = """
CREATE VIRTUAL TABLE temp.sample USING fts5(text, tokenize='porter unicode61');
CREATE VIRTUAL TABLE temp.sample_word USING fts5vocab('temp', 'sample', 'row');
"""

# A connection must not be used, nor closed, by a child of the process that opened it: children keep theirs here.
_INHERITED: list[sqlite3.Connection] = []


@dataclass(frozen=True, slots=True)
class File:
    """A file of the index, without its text."""

    id: int
    path: str
    blob: str
    kind: str
    kinds: frozenset[str]
    title: str
    trust: Trust
    created: str
    expires: float | None
    names: tuple[str, ...]
    links: frozenset[str]


@dataclass(frozen=True, slots=True)
class Listing:
    """What the index holds. `by_name` finds files by what they are called, `longest_name` counts words."""

    by_path: Mapping[str, File]
    by_id: Mapping[int, File]
    by_name: Mapping[str, Sequence[File]]
    expiring: tuple[File, ...]
    longest_name: int


class Index:
    """An open index. `listing` tells what it holds; `db` is for the searches of `aios.memory.ranking`."""

    def __init__(self, path: Path | None, *, patience: float = PATIENCE) -> None:
        """Open or make the index at `path` (None: in memory). Raises `sqlite3.Error` and `OSError`."""
        self.pid = os.getpid()
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
        place = str(path or ":memory:")
        self.db = sqlite3.connect(place, timeout=patience, isolation_level=None, check_same_thread=False)
        self._listing: Listing | None = None
        self._seen = -1
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
        if self._marks() != (APPLICATION, VERSION):
            with self._writing():
                if self._marks() != (APPLICATION, VERSION):
                    self._create()
        self.db.executescript(_OWN_TABLES)

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
        for statement in _TABLES.split(";\n"):
            self.db.execute(statement)
        self.db.execute(f"PRAGMA application_id={APPLICATION}")
        self.db.execute(f"PRAGMA user_version={VERSION}")

    @contextmanager
    def at(self, tree: Tree) -> Iterator[Listing]:
        """Hold the index at exactly this tree's files; gives what it holds."""
        wanted = {path: blob for path in _recalled_paths(tree) if (blob := tree.blob(path))}
        self.db.execute("BEGIN")
        try:
            if not self._is_at(wanted):
                # A read transaction cannot always become a writing one; end it and look again under the write lock.
                self.db.execute("ROLLBACK")
                self.db.execute("BEGIN IMMEDIATE")
                self._bring_to(wanted, tree)
            yield self.listing()
        except BaseException:
            self._listing = None
            if self.db.in_transaction:
                self.db.execute("ROLLBACK")
            raise
        self.db.execute("COMMIT")

    def listing(self) -> Listing:
        """What is there now; read again only where the index was changed, by us or by another process."""
        (seen,) = self.db.execute("PRAGMA data_version").fetchone()
        if self._listing is None or seen != self._seen:
            self._listing = _listing([_file(row) for row in self.db.execute(_FILES)])
            self._seen = seen
        return self._listing

    def _is_at(self, wanted: Mapping[str, str]) -> bool:
        files = self.listing().by_path
        return len(files) == len(wanted) and all(
            (file := files.get(path)) is not None and file.blob == blob for path, blob in wanted.items()
        )

    def _bring_to(self, wanted: Mapping[str, str], tree: Tree) -> None:
        files = self.listing().by_path
        for path, file in files.items():
            if wanted.get(path) != file.blob:
                self._remove(file.id)
        for path, blob in wanted.items():
            known = files.get(path)
            if known is None or known.blob != blob:
                self._add(entry(path, tree.read(path) or b""), blob)
        self._listing = None

    def _add(self, found: Entry, blob: str) -> None:
        values = (
            found.path, blob, found.kind, json.dumps(found.kinds), found.title, found.trust.value, found.created,
            found.expires, found.facts, json.dumps(found.names), json.dumps(found.links),
        )  # fmt: skip
        number = self.db.execute(
            "INSERT INTO file(path, blob, kind, kinds, title, trust, created, expires, facts, names, links)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            values,
        ).lastrowid
        ids: list[int] = []
        for part in found.passages:
            line = part.line + max(found.body_line, 1) - 1
            cursor = self.db.execute(
                "INSERT INTO passage(file, start, end, line, heading, text) VALUES (?, ?, ?, ?, ?, ?)",
                (number, part.start, part.end, line, part.heading, part.text),
            )
            ids.append(cursor.lastrowid or 0)
        texts = [(part.text, part.heading) for part in found.passages]
        self._words(number or 0, found.title, found.facts, found.created, list(zip(ids, texts, strict=True)))

    def _remove(self, number: int) -> None:
        title, facts, created = self.db.execute(
            "SELECT title, facts, created FROM file WHERE id = ?", (number,)
        ).fetchone()
        rows = self.db.execute("SELECT id, text, heading FROM passage WHERE file = ? ORDER BY start, id", (number,))
        parts = [(row[0], (row[1], row[2])) for row in rows]
        self._words(number, title, facts, created, parts, remove=True)
        self.db.execute("DELETE FROM passage WHERE file = ?", (number,))
        self.db.execute("DELETE FROM file WHERE id = ?", (number,))

    def _words(
        self, number: int, title: str, facts: str, created: str, parts: Sequence[_Part], *, remove: bool = False
    ) -> None:
        """Enter a file's words, or take out exactly those that were entered: FTS5 must be told them."""
        texts = [text for _, (text, _) in parts]
        date = date_words(created)
        rows = [
            (identifier, text, heading, title, _context(texts, place, date))
            for place, (identifier, (text, heading)) in enumerate(parts)
        ]
        self.db.executemany(_DELETE_PASSAGE if remove else _INSERT_PASSAGE, rows)
        self.db.execute(_DELETE_FILE if remove else _INSERT_FILE, (number, title, facts, "\n".join(texts)))

    def passages_of(self, ids: Sequence[int]) -> dict[int, tuple[int, Passage]]:
        """File id and passage by passage id; `line` counts within the file."""
        rows = self.db.execute(_PASSAGES, (json.dumps(ids),))
        return {row[0]: (row[1], Passage(*row[2:])) for row in rows}

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


def discard(path: Path) -> None:
    """Remove an index file that cannot be used, its log first so that no other process reads it into a new file."""
    for name in (f"{path}-wal", f"{path}-shm", str(path)):
        with suppress(FileNotFoundError):
            Path(name).unlink()


def date_words(created: str) -> str:
    """`2026-03-02` as it would be asked for: `March 2026`. Empty where it is no date."""
    from calendar import month_name

    year, _, rest = created.partition("-")
    month = rest[:2]
    known = len(year) == 4 and year.isdigit() and month.isdigit() and 1 <= int(month) <= 12
    return f"{month_name[int(month)]} {year}" if known else ""


def _context(texts: Sequence[str], place: int, date: str) -> str:
    before = texts[place - 1][-NEIGHBOUR_CHARS:] if place else ""
    after = texts[place + 1][:NEIGHBOUR_CHARS] if place + 1 < len(texts) else ""
    return f"{date}\n{before}\n{after}"


def _recalled_paths(tree: Tree) -> Iterator[str]:
    for prefix in ("memory/", "state/"):
        yield from (path for path in tree.paths(prefix) if is_recalled(path))


def _listing(files: Sequence[File]) -> Listing:
    names: dict[str, list[File]] = {}
    for file in files:
        for name in file.names:
            names.setdefault(name, []).append(file)
    return Listing(
        by_path={file.path: file for file in files},
        by_id={file.id: file for file in files},
        by_name=names,
        expiring=tuple(file for file in files if file.expires is not None),
        longest_name=max((name.count(" ") + 1 for name in names), default=0),
    )


def _file(row: Sequence[object]) -> File:
    identifier, path, blob, kind, kinds, title, trust, created, expires, names, links = row
    return File(
        int(str(identifier)), str(path), str(blob), str(kind), frozenset(json.loads(str(kinds))), str(title),
        Trust(str(trust)), str(created), float(str(expires)) if expires is not None else None,
        tuple(json.loads(str(names))), frozenset(json.loads(str(links))),
    )  # fmt: skip
