"""Files of the operator's: opened without following them anywhere, in an order that is always the same."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from aios.connectors.files.read import SUFFIXES, finding
from aios.connectors.files.text import size
from aios.domain.finding import Finding, Severity

_SKIPPED = frozenset({"__pycache__", "node_modules", "_static", "_modules"})
# What documentation tools make beside the documentation.
_MACHINERY = frozenset({"genindex.html", "search.html", "py-modindex.html", "modindex.html", "searchindex.html"})
_DEEPEST = 16


@dataclass(frozen=True, slots=True)
class Found:
    """`origin` is how the operator would write the file's path."""

    path: Path
    origin: str


def walk(folder: Path, origin: str, *, limit: int) -> Iterator[Found | Finding]:
    """Readable files below a folder, sorted by path; a finding for what is refused, and where it stops at `limit`."""
    top = folder.resolve()
    count = 0
    for item in _below(folder, origin, top, 0):
        if isinstance(item, Found):
            count += 1
            if count > limit:
                hint = "name fewer, or a folder further down"
                yield finding(origin, "source-many", f"more than {limit} files; the others were left out", hint)
                return
        yield item


def _below(folder: Path, origin: str, top: Path, depth: int) -> Iterator[Found | Finding]:
    if depth > _DEEPEST:
        yield finding(origin, "source-deep", f"deeper than {_DEEPEST} folders", "name the folder itself")
        return
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        yield finding(origin, "source-unreadable", f"cannot be listed: {error.strerror}", "look at its owner")
        return
    for entry in entries:
        name = f"{origin.rstrip('/')}/{entry.name}"
        if entry.name.startswith(".") or entry.name in _SKIPPED or entry.name in _MACHINERY:
            continue
        readable = Path(entry.name.lower()).suffix in SUFFIXES
        if entry.is_symlink():
            if readable or Path(entry.path).is_dir():
                yield from _link(Path(entry.path), name, top)
        elif entry.is_dir(follow_symlinks=False):
            yield from _below(Path(entry.path), name, top, depth + 1)
        elif readable:
            yield Found(Path(entry.path), name)


def _link(path: Path, origin: str, top: Path) -> Iterator[Found | Finding]:
    """A link is followed only to a file inside the folder."""
    try:
        target = path.resolve(strict=True)
    except (OSError, RuntimeError):
        yield finding(origin, "source-link", "a link that leads nowhere", "remove it", Severity.WARNING)
        return
    if not target.is_relative_to(top):
        yield finding(
            origin, "source-link", "a link that leaves the folder", "name its target itself", Severity.WARNING
        )
    elif is_hidden(target.relative_to(top)):
        yield finding(origin, "source-link", "a link to a hidden file", "remove it", Severity.WARNING)
    elif target.is_file() and target.suffix.lower() in SUFFIXES:
        yield Found(target, origin)


def is_hidden(path: Path) -> bool:
    """Is it, as written, a hidden file or in a hidden folder?"""
    return any(part.startswith(".") and part != ".." for part in path.parts)


def content_of(path: Path, origin: str, *, limit: int) -> bytes | Finding:
    """A regular file's bytes. Devices and pipes are refused without being read: they would hang."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return finding(origin, "source-missing", "there is no such file", "look at the path")
    except OSError as error:
        return finding(origin, "source-unreadable", f"cannot be read: {error.strerror}", "look at its owner")
    with os.fdopen(descriptor, "rb") as file:
        facts = os.fstat(descriptor)
        if not stat.S_ISREG(facts.st_mode):
            return finding(origin, "source-unreadable", "it is no regular file", "leave it out")
        if facts.st_size > limit:
            message = f"it is larger than {size(limit)} ({size(facts.st_size)})"
            return finding(origin, "source-size", message, "split it")
        try:
            return file.read(limit + 1)[:limit]
        except OSError as error:
            return finding(origin, "source-unreadable", f"cannot be read: {error.strerror}", "look at the disk")
