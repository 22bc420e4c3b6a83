"""The files of a rotated log, each known by its first line: a cursor finds its place whatever a file is called."""

from __future__ import annotations

import gzip
import os
import re
import stat
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import IO, BinaryIO

from aios.connectors.access_log.lines import LONGEST
from aios.errors import RefusedError

_ROTATED = re.compile(r"(?:[.-]\d{1,14})(?:\.gz)?\Z|\.gz\Z")
_FIRST = 1_024  # bytes of a first line that tell files apart


class BrokenLogError(Exception):
    """A compressed file ends in the middle or is damaged."""


@dataclass(frozen=True, slots=True)
class LogFile:
    """`id` stays with the content when the file is renamed or compressed; `live` is the one still written to."""

    path: Path
    name: str
    id: str
    live: bool


@dataclass(frozen=True, slots=True)
class Line:
    """`number` counts from 1 where the file was read from its start, else from where reading began. `end` is the offset
    behind the line, in bytes of the uncompressed file. `content` is None for a line that is too long."""

    number: int
    content: bytes | None
    end: int


def files_of(path: Path, name: str) -> list[LogFile]:
    """The log and its rotated files, the oldest first; content that lies there twice is given once.

    Raises RefusedError where the directory cannot be read.
    """
    try:
        entries = sorted(entry.name for entry in os.scandir(path.parent)) if path.parent.is_dir() else []
    except OSError as error:
        raise RefusedError(f"{path.parent} cannot be read: {error.strerror}", "look at its owner") from error
    found: dict[str, LogFile] = {}
    for entry in entries:
        rest = entry.removeprefix(path.name)
        if entry != path.name and not (entry.startswith(path.name) and _ROTATED.match(rest)):
            continue
        each = path.parent / entry
        first = _first_line(each)
        if first:
            identity = sha256(first).hexdigest()[:16]
            label = f"{name.rpartition('/')[0]}/{entry}".lstrip("/") if "/" in name else entry
            # In the middle of a rotation a file lies there compressed and not: the name that sorts first will do.
            found.setdefault(identity, LogFile(each, label, identity, live=entry == path.name))
    return list(found.values())


def is_there(path: Path) -> bool:
    return path.is_file()


class _Unpacked(gzip.GzipFile):
    """Closes the packed file along with itself."""

    def __init__(self, raw: IO[bytes]) -> None:
        super().__init__(fileobj=raw)
        self._raw = raw

    def close(self) -> None:
        super().close()
        self._raw.close()


def _open(path: Path) -> BinaryIO | _Unpacked | None:
    """None for what is no regular file."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        return None
    raw = os.fdopen(descriptor, "rb")
    if path.suffix != ".gz":
        return raw
    return _Unpacked(raw)


def _first_line(path: Path) -> bytes:
    """Empty where the file is empty, broken or none."""
    try:
        file = _open(path)
        if file is None:
            return b""
        with file:
            return file.readline(_FIRST)
    except PermissionError as error:
        raise RefusedError(f"{path} cannot be read: {error.strerror}", "look at its owner") from error
    except (OSError, EOFError, zlib.error):
        return b""


def lines_of(log: LogFile, cursor: Mapping[str, int], *, budget: int) -> Iterator[Line]:
    """Lines behind the cursor's place, at most `budget` bytes of them. A last line that is still being written (no line
    feed in the live file) is left for the next time. Raises BrokenLogError behind the last line that can be read."""
    start = cursor.get(log.id, 0)
    file = _open(log.path)
    if file is None:
        return
    with file:
        try:
            yield from _lines(file, start, live=log.live, budget=budget)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise BrokenLogError(str(error) or "it ends in the middle") from error


def _lines(file: BinaryIO | _Unpacked, start: int, *, live: bool, budget: int) -> Iterator[Line]:
    size = file.seek(0, os.SEEK_END) if not isinstance(file, _Unpacked) else None
    place = start if size is None or start <= size else 0  # shorter than it was: written anew
    file.seek(place)
    number, limit = 0, place + budget
    while place < limit and (content := file.readline(LONGEST + 2)):
        number += 1
        place += len(content)
        whole = content.endswith(b"\n")
        long = not whole and len(content) > LONGEST
        while not whole and long and (more := file.readline(1 << 16)):
            place += len(more)
            whole = more.endswith(b"\n")
        if not whole and live:
            return
        yield Line(number, None if long else content.rstrip(b"\r\n"), place)
