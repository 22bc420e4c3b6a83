"""The mark that a refresh in the background leaves: that it is at it, or why it failed. A killed one leaves the first.

Commands read it, so that a refresh which cannot succeed is not begun again by each of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from aios.errors import AiosError

RETRY = 3600  # seconds until a refresh is begun again after one that failed
_BEGUN = "begun by "


@dataclass(frozen=True, slots=True)
class Background:
    """`worker` is this process, `works(worker)` tells whether another is still there (None: nobody knows)."""

    mark: Path
    worker: str
    works: Callable[[str], bool | None]

    @contextmanager
    def at_it(self) -> Iterator[None]:
        """A refresh in the background: what goes wrong is kept, and what goes well forgets what went wrong before."""
        self.mark.parent.mkdir(parents=True, exist_ok=True)
        self.mark.write_text(f"{_BEGUN}{self.worker}\n")
        try:
            yield
        except Exception as error:
            self.mark.write_text(f"{error.message if isinstance(error, AiosError) else error}\n")
            raise
        self.forget()

    def forget(self) -> None:
        self.mark.unlink(missing_ok=True)

    def is_marked(self, now: float) -> bool:
        """Is one at it, or did one fail lately? `now` is a POSIX time."""
        try:
            return now - self.mark.stat().st_mtime < RETRY
        except OSError:
            return False

    def failure(self) -> str:
        """What the last one said where it failed; empty where it did not, or is at it."""
        try:
            said = self.mark.read_text().partition("\n")[0]
        except OSError:
            return ""
        if not said.startswith(_BEGUN):
            return said
        worker = said.removeprefix(_BEGUN)
        return "" if self.works(worker) else f"the process that made them was killed ({worker})"
