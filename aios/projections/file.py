"""The file that the projection lies in: one writer at a time, and damage told from a disk that is full.

The lock is a file beside it and not SQLite's own, since a damaged database can neither be locked nor be replaced while
others are at the same.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from aios.errors import AiosError, BusyError

WAIT = 120.0  # seconds for another process that is bringing it up to date
_LOOK = 0.01  # seconds between two looks at the lock
_CACHE_KB = 16 * 1024
_PAGE = 4096
_LOG = 16 * 1024 * 1024  # bytes that wait to be copied into the database
_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
# What it holds is not what we wrote: damaged, foreign, or of an older form.
_DAMAGE = {
    sqlite3.SQLITE_ERROR,
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_SCHEMA,
    sqlite3.SQLITE_CONSTRAINT,
    sqlite3.SQLITE_FORMAT,
    sqlite3.SQLITE_NOTADB,
}


@contextmanager
def locked(path: Path, *, wait: float = WAIT) -> Iterator[None]:
    """Be the one who writes. Raises BusyError after `wait` seconds, AiosError where there is no place to write."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path.with_name(f"{path.name}.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise AiosError(f"{path.parent} cannot be written: {error.strerror}.", "Look at its permissions.") from error
    try:
        end = time.monotonic() + wait
        while not _taken(descriptor):
            if time.monotonic() > end:
                raise BusyError("another aios is bringing the projection up to date", "try again in a moment")
            time.sleep(_LOOK)
        yield
    finally:
        os.close(descriptor)


def _taken(descriptor: int) -> bool:
    with suppress(BlockingIOError):
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False


@contextmanager
def transaction(path: Path) -> Iterator[sqlite3.Connection]:
    """All of what is written, or nothing: also where the process is killed. Raises sqlite3.Error."""
    with _opened(path) as db:
        db.execute("BEGIN IMMEDIATE")
        try:
            yield db
            db.execute("COMMIT")
        except BaseException:
            with suppress(sqlite3.Error):
                db.execute("ROLLBACK")
            raise


@contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(path, timeout=WAIT, isolation_level=None)) as db:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = NORMAL")
        db.execute(f"PRAGMA wal_autocheckpoint = {_LOG // _PAGE}")
        db.execute(f"PRAGMA cache_size = -{_CACHE_KB}")
        yield db
        if path.with_name(f"{path.name}-wal").stat().st_size < min(_LOG, path.stat().st_size):
            # Who closes last copies the log into the database and waits for the disk. While the log is short that can
            # wait, so a reader, who may not do it, closes last.
            with closing(reading(path)) as reader:
                reader.execute("SELECT count(*) FROM sqlite_master").fetchone()
                db.close()


def reading(path: Path) -> sqlite3.Connection:
    """A connection that can write nothing. Raises sqlite3.Error."""
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=WAIT)


def discard(path: Path) -> None:
    """Only by who holds the lock. Those who are reading it go on reading what they opened."""
    try:
        for suffix in ("", "-wal", "-shm", "-journal"):
            path.with_name(path.name + suffix).unlink(missing_ok=True)
    except OSError as error:
        raise AiosError(f"{path} cannot be replaced: {error.strerror}.", "Delete it.") from error


def is_damage(error: sqlite3.Error) -> bool:
    """Is it for what the file holds (so that a new one helps), and not for the disk, or for a mistake of ours?"""
    return _code(error) in _DAMAGE


def explained(path: Path, error: sqlite3.Error) -> Exception:
    """The error for the operator; one of Python's own stays what it is, a mistake of ours."""
    code = _code(error)
    if not code:
        return error
    if code in _BUSY:
        return BusyError("another program holds the projection", f"try again; if it goes on, look who has {path} open")
    if code == sqlite3.SQLITE_FULL:
        return AiosError(f"{path} cannot be written: the disk is full.", "Free some space; nothing was lost.")
    return AiosError(f"{path} cannot be used: {error}.", "Look at the disk, and at the file's permissions.")


def _code(error: sqlite3.Error) -> int:
    """SQLite's primary code; 0 where the error is Python's own."""
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF
