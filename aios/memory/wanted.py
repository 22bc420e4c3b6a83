"""Which files a question is about: by kind, path, trust, run, time and expiry."""

from __future__ import annotations

from dataclasses import dataclass

from aios.domain.globs import matches
from aios.domain.memory import EVERYTHING, Among
from aios.memory.index import File


@dataclass(frozen=True, slots=True)
class Wanted:
    """Everything that is not empty narrows. `now` is a POSIX time."""

    kinds: frozenset[str] = frozenset()
    exclude: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    among: Among = EVERYTHING
    now: float | None = None

    def allows(self, file: File) -> bool:
        return (
            not (file.expires is not None and self.now is not None and file.expires < self.now)
            and (not self.kinds or file.is_any_of(self.kinds))
            and (not self.among.trust or file.trust in self.among.trust)
            and (not self.among.run or file.run == self.among.run)
            and self._is_in_time(file.created)
            and (not self.only or matches(file.path, self.only))
            and not (self.exclude and matches(file.path, self.exclude))
        )

    def _is_in_time(self, created: str) -> bool:
        since, until = self.among.since, self.among.until
        if not (since or until):
            return True
        return bool(created) and since <= created and (not until or created[: len(until)] <= until)
