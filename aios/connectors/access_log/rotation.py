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
_DAMAGE = (EOFError, zlib.error, gzip.BadGzipFile)


class BrokenLogError(Exception):
    """A compressed file ends in the middle or is damaged."""


class LongLogError(Exception):
    """More lies behind the bytes that may be read."""


@dataclass(frozen=True, slots=True)
class LogFile:
    """`id` stays with the content when the file is renamed or compressed; `live` is the one still written to.
    `trouble` says why the file cannot be read (it has no id then); `damaged` that its content is to blame."""

    path: Path
    name: str
    id: str
    live: bool
    trouble: str = ""
    damaged: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """`number` counts from 1 where the file was read from its start, else from where reading began. `end` is the offset
    behind the line, in bytes of the uncompressed file. `content` is None for a line that is too long."""

    number: int
    content: bytes | None
    end: int


def files_of(path: Path, name: str) -> list[LogFile]:
    """The log and its rotated files, the newest first; content that lies there twice is given once.

    Raises RefusedError where the directory or the log itself cannot be read.
    """
    try:
        entries = {entry.name for entry in os.scandir(path.parent)} if path.parent.is_dir() else set()
    except OSError as error:
        raise RefusedError(f"{path.parent} cannot be read: {error.strerror}", "look at its owner") from error
    found: dict[str, LogFile] = {}
    own = [entry for entry in entries if entry.startswith(path.name) and _is_log(entry.removeprefix(path.name))]
    for entry in sorted(own, key=lambda entry: _age(entry, path.name)):
        each = path.parent / entry
        label = f"{name.rpartition('/')[0]}/{entry}" if "/" in name else entry
        try:
            identity = _identity(each)
        except (BrokenLogError, OSError) as error:
            said = getattr(error, "strerror", None) or str(error)
            if entry == path.name:
                raise RefusedError(f"{path} cannot be read: {said}", "look at its owner") from error
            if not entry.endswith(".gz") or entry.removesuffix(".gz") not in entries:  # else: being compressed just now
                found[entry] = LogFile(each, label, "", False, said, isinstance(error, BrokenLogError))
            continue
        if identity:
            # In the middle of a rotation a file lies there compressed and not: the name that sorts first will do.
            found.setdefault(identity, LogFile(each, label, identity, live=entry == path.name))
    return list(found.values())


def _is_log(rest: str) -> bool:
    return not rest or _ROTATED.match(rest) is not None


def _age(entry: str, base: str) -> tuple[bool, int, str]:
    """What sorts names by age: the log itself, `.1`, `.2`, then dates, the last one first."""
    digits = entry.removeprefix(base).removesuffix(".gz").lstrip(".-")
    number, dated = int(digits or 0), len(digits) >= 8
    return dated, -number if dated else number, entry


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


def _identity(path: Path) -> str:
    """Empty where the file is empty, gone or none. Raises BrokenLogError or OSError where it cannot be read."""
    try:
        file = _open(path)
        if file is None:
            return ""
        with file:
            return _named(file)
    except FileNotFoundError:
        return ""
    except _DAMAGE as error:
        raise BrokenLogError(str(error) or "it ends in the middle") from error


def _named(file: BinaryIO | _Unpacked) -> str:
    first = file.readline(_FIRST)
    return sha256(first).hexdigest()[:16] if first else ""


def lines_of(log: LogFile, cursor: Mapping[str, int], *, budget: int) -> Iterator[Line]:
    """Lines behind the cursor's place, at most `budget` bytes of them. A last line that is still being written (no line
    feed in the live file) is left for the next time. Raises BrokenLogError behind the last line that can be read and
    LongLogError behind the last one that may be."""
    start = cursor.get(log.id, 0)
    file = _open(log.path)
    if file is None:
        return
    with file:
        try:
            if _named(file) == log.id:  # else: it was rotated since it was listed, and keeps till the next time
                yield from _lines(file, start, live=log.live, budget=budget)
        except _DAMAGE as error:
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
        while not whole and long and place < limit and (more := file.readline(1 << 16)):
            place += len(more)
            whole = more.endswith(b"\n")
        if not whole and live and not (long and place >= limit):
            return
        yield Line(number, None if long else content.rstrip(b"\r\n"), place)
    if place >= limit and file.read(1):
        raise LongLogError
