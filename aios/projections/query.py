"""Asking the projection: SQL that only reads, within a time, and errors that say what there is."""

from __future__ import annotations

import re
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import islice
from pathlib import Path
from typing import Any

from aios.errors import CorruptError, UsageError
from aios.projections import file
from aios.projections.tables import TABLES

SECONDS = 20.0
LONGEST = 64 * 1024 * 1024  # bytes of any one value
_BATCH = 256  # rows
_UNREADABLE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CANTOPEN)
_STEPS = 20_000  # of SQLite's machine between two looks at the clock
_READS = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_RECURSIVE}
_UNSAFE_FUNCTIONS = frozenset({"load_extension", "fts3_tokenizer", "writefile", "readfile", "edit"})
_NO_TABLE = re.compile(r"no such table: (?P<name>\S+)")
_NO_COLUMN = re.compile(r"no such column: (?P<name>\S+)")


@dataclass(frozen=True, slots=True)
class Rows:
    """`more` tells that there were more rows than asked for."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    more: bool = False


@dataclass(frozen=True, slots=True)
class Stream:
    """Rows that are read while they are taken."""

    columns: tuple[str, ...]
    rows: Iterator[tuple[Any, ...]]


def ask(path: Path, sql: str, params: Sequence[Any] = (), *, limit: int, seconds: float = SECONDS) -> Rows:
    """The first rows. Raises UsageError for what does not only read, is wrong, or takes longer than `seconds`, and
    CorruptError where the file must be made anew."""
    if limit < 0:
        raise UsageError(f"{limit} rows cannot be shown", "give a limit of 1 or more")
    with streamed(path, sql, params, seconds=seconds) as told:
        found = tuple(islice(told.rows, limit + 1))
        return Rows(told.columns, found[:limit], more=len(found) > limit)


@contextmanager
def streamed(path: Path, sql: str, params: Sequence[Any] = (), *, seconds: float = SECONDS) -> Iterator[Stream]:
    """As `ask`, but all rows, read while they are taken; `seconds` is for reading a batch of them."""
    with _explaining(seconds), closing(file.reading(path)) as db:
        db.text_factory = _text
        db.execute("PRAGMA query_only = ON")
        db.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LONGEST)
        db.set_authorizer(_authorize)
        clock = _Clock(seconds)
        db.set_progress_handler(clock.is_over, _STEPS)
        cursor = db.execute(sql, params)
        columns = tuple(column[0] for column in cursor.description or ())
        if not columns:
            raise UsageError("this asks nothing", "begin with SELECT")
        yield Stream(columns, _batches(cursor, clock))


class _Clock:
    """Only the time that reading takes is counted, not what the reader does with the rows."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self.start()

    def start(self) -> None:
        self._end = time.monotonic() + self._seconds

    def is_over(self) -> int:
        return int(time.monotonic() > self._end)


def _batches(cursor: sqlite3.Cursor, clock: _Clock) -> Iterator[tuple[Any, ...]]:
    while rows := cursor.fetchmany(_BATCH):
        yield from rows
        clock.start()


def _text(content: bytes) -> str:
    return content.decode(errors="replace")


@contextmanager
def _explaining(seconds: float) -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, sqlite3.Warning) as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF in _UNREADABLE:
            raise CorruptError(str(error), "`aios rebuild` makes it anew.") from error
        raise _explained(str(error), seconds) from error
    except UnicodeEncodeError as error:
        raise UsageError("the query is not valid text", "write it in UTF-8") from error


def _authorize(action: int, _: str | None, name: str | None, *__: object) -> int:
    if action == sqlite3.SQLITE_FUNCTION:
        return sqlite3.SQLITE_DENY if name in _UNSAFE_FUNCTIONS else sqlite3.SQLITE_OK
    return sqlite3.SQLITE_OK if action in _READS else sqlite3.SQLITE_DENY


def _explained(said: str, seconds: float) -> UsageError:
    table, column = _NO_TABLE.search(said), _NO_COLUMN.search(said)
    if table:
        return UsageError(f"there is no table `{table['name']}`", _close(table["name"], TABLES) or _tables())
    if column:
        name = column["name"].rpartition(".")[2]
        hint = _close(name, sorted({each for columns in TABLES.values() for each in columns}))
        return UsageError(f"there is no column `{column['name']}`", hint or "`aios query --tables` lists them all")
    if any(word in said for word in ("not authorized", "authorization denied", "prohibited", "readonly")):
        return UsageError("a query only reads", "to change a record, edit its file")
    if "interrupted" in said:
        return UsageError(f"the query took longer than {seconds:g} s", "narrow it down, or add LIMIT")
    if "one statement" in said:
        return UsageError("one statement at a time", "leave out what follows the first semicolon")
    return UsageError(said[:200], _tables())


def _close(name: str, known: Sequence[str] | dict[str, dict[str, str]]) -> str:
    close = get_close_matches(name, list(known), 1)
    return f"did you mean `{close[0]}`?" if close else ""


def _tables() -> str:
    return f"the tables are {', '.join(TABLES)}"
