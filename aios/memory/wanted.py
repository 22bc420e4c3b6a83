"""Which files a question is about: by kind, path, trust, run, time and expiry."""

from __future__ import annotations

from dataclasses import dataclass

from aios.domain.globs import matches
from aios.domain.memory import EVERYTHING, Among
from aios.memory.expiry import FOR_EVER, Lifetimes, ends
from aios.memory.index import File


@dataclass(frozen=True, slots=True)
class Wanted:
    """Everything that is not empty narrows. `now` is a POSIX time; `lifetimes` hold for what has no end of its own.

    `about` are the ids of the files that `among.record` leaves; only a question to an index knows them.
    """

    kinds: frozenset[str] = frozenset()
    exclude: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    among: Among = EVERYTHING
    now: float | None = None
    lifetimes: Lifetimes = FOR_EVER
    about: frozenset[int] = frozenset()

    def allows(self, file: File) -> bool:
        return (
            not self._is_over(file)
            and (not self.kinds or file.is_any_of(self.kinds))
            and (not self.among.trust or file.trust in self.among.trust)
            and (not self.among.run or file.run == self.among.run)
            and (not self.among.record or file.id in self.about)
            and self._is_in_time(file.created)
            and (not self.only or matches(file.path, self.only))
            and not (self.exclude and matches(file.path, self.exclude))
        )

    def _is_over(self, file: File) -> bool:
        if self.now is None:
            return False
        expires = file.expires
        if expires is None and self.lifetimes is not FOR_EVER:
            expires = ends(None, file.created, self.lifetimes.days(file.path, file.kind))
        return expires is not None and expires < self.now

    def _is_in_time(self, created: str) -> bool:
        since, until = self.among.since, self.among.until
        if not (since or until):
            return True
        return bool(created) and since <= created and (not until or created[: len(until)] <= until)
