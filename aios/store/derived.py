"""What follows from a text alone, kept so that the next process need not make it again.

One file an entry, named by what it was made from and opening with its own hash: an entry that is cut off, damaged or
of something else is noticed and made anew. It can be deleted at any time, by anybody; it is never a reason to fail.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from aios.domain.keys import digest, key_of

MOST = 64 * 1024 * 1024  # bytes of entries; from there on the oldest go, a quarter of all at once
_HEAD = len(digest(b"")) + 1


@dataclass(slots=True)
class Derived:
    """Entries in `folder`. Processes share it without locks: an entry appears whole or not at all."""

    folder: Path
    most: int = MOST
    _looked: bool = field(default=False, init=False)  # at the size, by this process

    def __call__(self, name: str, text: str, derive: Callable[[str], str]) -> str:
        """`derive(text)`. `name` stands for all else that decides it: what it is, and the code that makes it."""
        key = key_of("derived", name, digest(text.encode())).partition(":")[2]
        with suppress(OSError, ValueError):
            head, _, made = (self.folder / key).read_bytes().partition(b"\n")
            if head.decode() == _sum(key, made):
                return made.decode()
        result = derive(text)
        with suppress(OSError):
            self._keep(key, result.encode())
        return result

    def _keep(self, key: str, made: bytes) -> None:
        if len(made) + _HEAD > self.most // 4:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        if not self._looked:
            self._looked = True
            self._shrink()
        unfinished = self.folder / f"{key}.{os.getpid()}"
        unfinished.write_bytes(_sum(key, made).encode() + b"\n" + made)
        unfinished.replace(self.folder / key)

    def _shrink(self) -> None:
        """The oldest go where there is too much. What killed processes left unfinished grows old with the rest."""
        with os.scandir(self.folder) as found:
            told = sorted(((each.stat().st_mtime_ns, each.stat().st_size, each.path) for each in found), reverse=True)
        total = sum(size for _, size, _ in told)
        if total <= self.most:
            return
        for _, size, path in reversed(told):
            if total <= self.most * 3 // 4:
                break
            with suppress(FileNotFoundError):
                Path(path).unlink()
            total -= size


def _sum(key: str, made: bytes) -> str:
    return digest(key.encode() + b"\n" + made)
