"""What a writing git leaves behind when it is killed, told apart from what a living one holds.

Every git of ours that writes inherits a locked file, `<git dir>/aios/writers/<process>-<number>`. Where such a file is
there and not locked, its writer and all gits it started are gone: lock files made in its time are its own, and may go.
"""

from __future__ import annotations

import fcntl
import math
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import TypeVar

from aios.store.launch import LockedError

_numbers = count()
_WINDOW = 60.0  # seconds after its start in which a killed writer can have made a lock file
_DOUBT = 60.0  # seconds by which clocks may differ
_ATTEMPTS = 5
_T = TypeVar("_T")
_held: set[int] = set()


@dataclass(frozen=True, slots=True)
class Writing:
    """Descriptors that every git of this write inherits, so that their locks last as long as any of them lives."""

    held: tuple[int, ...]


@contextmanager
def writing(directory: Path, *, note: str = "") -> Iterator[Writing]:
    """Say that gits of ours are about to write to the repository in `directory`; `note` is for `sweep`'s `undo`."""
    writers = directory / "aios" / "writers"
    writers.mkdir(parents=True, exist_ok=True)
    mark = writers / f"{os.getpid()}-{next(_numbers)}"
    together = writers_lock(directory)
    own = os.open(mark, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    _held.update((together, own))
    try:
        fcntl.flock(together, fcntl.LOCK_SH)
        fcntl.flock(own, fcntl.LOCK_EX)
        os.write(own, note.encode())
        os.utime(own)
        yield Writing((together, own))
    finally:
        mark.unlink(missing_ok=True)
        _held.difference_update((together, own))
        os.close(own)
        os.close(together)


def writers_lock(directory: Path) -> int:
    """A descriptor of the file that writers lock shared, and whoever must be alone exclusively."""
    path = directory / "aios" / "writers.lock"
    path.parent.mkdir(exist_ok=True)
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def past_killed_writers(directory: Path, act: Callable[[], _T]) -> _T:
    """Do `act`; where a lock file stops it that a killed writer of ours left, remove that and do it again."""
    for _ in range(_ATTEMPTS):
        try:
            return act()
        except LockedError as error:
            if not (sweep(directory) or _drop_older_than_boot(directory, error.path)):
                raise
    return act()


def drop_keeps(directory: Path) -> None:
    """Remove the marks of a killed fast-import, which keep its packs from being rolled up and block its repeat."""
    for keep in directory.glob("objects/pack/*.keep"):
        with suppress(FileNotFoundError):
            # Killed before it could say who it is, it has no pack yet; the operator's own marks are beside packs.
            if keep.read_bytes().strip() == b"fast-import" or not keep.with_suffix(".pack").exists():
                keep.unlink()


def clock_of(directory: Path) -> float:
    """Now, by the clock of the file system, against which the ages of its files are told."""
    descriptor = writers_lock(directory)
    try:
        os.utime(descriptor)
        return os.fstat(descriptor).st_mtime
    finally:
        os.close(descriptor)


def _drop_older_than_boot(directory: Path, lock: Path) -> bool:
    """Remove a lock file from before the machine was started, as a power cut leaves it: no living git made it."""
    with suppress(FileNotFoundError):
        made = lock.stat().st_mtime
        if _booted(directory) > made:
            lock.unlink()
            return True
    return False


def _booted(directory: Path) -> float:
    """When the machine was started, by the file system's clock; minus infinity where the system does not tell."""
    if not hasattr(time, "CLOCK_BOOTTIME"):
        return -math.inf
    return clock_of(directory) - time.clock_gettime(time.CLOCK_BOOTTIME) - _DOUBT


def sweep(directory: Path, *, undo: Callable[[str], None] | None = None) -> bool:
    """Remove the lock files of writers that were killed; True if there were any. Cheap where there are none.

    Where a killed writer's git is still at work, waits for it: what it does would otherwise surprise whoever recovers.
    A writer that left a note is done with only when `undo` has been called with it.
    """
    found = False
    for mark in list((directory / "aios" / "writers").glob("[0-9]*-[0-9]*")):
        with suppress(FileNotFoundError, BlockingIOError, ValueError):
            started, note = _last_of_a_dead_writer(mark)
            for lock in _lock_files(directory):
                with suppress(FileNotFoundError):
                    if -0.1 <= lock.stat().st_mtime - started <= _WINDOW:
                        lock.unlink()
                        found = True
            if note and undo is None:
                os.utime(mark, (0, 0))  # its locks are gone; those that come now are others'
                continue
            if note and undo is not None:
                undo(note)
            mark.unlink()
    return found


def _last_of_a_dead_writer(mark: Path) -> tuple[float, str]:
    """When it started, and its note. Raises BlockingIOError where the writer lives."""
    descriptor = os.open(mark, os.O_RDWR | os.O_CLOEXEC)
    try:
        alive = _is_alive(int(mark.name.partition("-")[0]))
        fcntl.flock(descriptor, fcntl.LOCK_EX | (fcntl.LOCK_NB if alive else 0))
        return os.fstat(descriptor).st_mtime, mark.read_text(errors="replace")
    finally:
        os.close(descriptor)


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _lock_files(directory: Path) -> Iterator[Path]:
    for place in (directory, *directory.glob("worktrees/*")):
        yield from place.glob("*.lock")
    yield from directory.glob("refs/**/*.lock")
    yield from directory.glob("objects/pack/*.lock")
    yield from directory.glob("objects/info/**/*.lock")


def _let_go() -> None:
    """In a forked child: it does not write, and must not keep up who waits for the writer's end."""
    for descriptor in _held:
        os.close(descriptor)
    _held.clear()


os.register_at_fork(after_in_child=_let_go)
