"""What syncing a branch did, would do, or could not do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from aios.errors import AiosError
from aios.store.git import Git


@dataclass(frozen=True, slots=True)
class Told:
    """`stuck`: it could not be brought together, `detail` says what to do."""

    branch: str
    what: str
    detail: str = ""
    stuck: bool = False

    @classmethod
    def of(cls, branch: str, error: AiosError) -> Self:
        return cls(branch, error.message, error.hint, stuck=True)

    def __str__(self) -> str:
        told = self.what if f"`{self.branch}`" in self.what else f"`{self.branch}` {self.what}"
        return f"{told} ({self.detail})" if self.detail and not self.stuck else told


def ahead(git: Git, tip: str | None, of: str | None) -> int:
    """How many commits `tip` has that the other does not."""
    if not tip or tip == of:
        return 0
    return int(git.text("rev-list", "--count", tip, *([f"^{of}"] if of else [])))
