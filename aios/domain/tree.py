"""A read-only view of a company's files, wherever they lie (a commit, an overlay over one, the work tree)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol, runtime_checkable

# Path relative to the company's root -> new content; None deletes.
Changeset = Mapping[str, bytes | None]


class Tree(Protocol):
    """Paths use `/`, are relative to the root and come sorted by code point."""

    def read(self, path: str) -> bytes | None:
        """The file's content; None where there is no such file."""
        ...

    def blob(self, path: str) -> str | None:
        """The file's git blob id (40 hex digits); None where there is no such file."""
        ...

    def paths(self, prefix: str = "") -> Sequence[str]:
        """All files whose path starts with `prefix`, sorted."""
        ...


@runtime_checkable
class Identified(Protocol):
    """A tree that can tell what its directories hold without listing them."""

    def identity(self, directories: Sequence[str]) -> str:
        """Equal for two trees of this repository only where all files below these directories are the same."""
        ...

    def changes_since(self, identity: str, directories: Sequence[str]) -> Mapping[str, str | None] | None:
        """Path → blob id (None: gone) of what differs from the tree that had this identity, below these directories.

        None where that cannot be told, so that all must be listed.
        """
        ...
