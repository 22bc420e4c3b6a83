"""What a payload is made from: the records and files of one tree, as they would be approved."""

from __future__ import annotations

from functools import cached_property

from aios.domain.record import Record
from aios.domain.tree import Tree
from aios.store.catalog import Catalog


class Material:
    """One tree, read only. What is read here stands in the payload or is bound to it by a hash: approval covers it."""

    def __init__(self, tree: Tree, *, catalog: Catalog | None = None) -> None:
        self._tree = tree
        self._catalog = catalog or Catalog(tree)

    @cached_property
    def company(self) -> Record | None:
        return self._catalog.get("company", "company")

    def record(self, kind: str, record_id: str) -> Record | None:
        """A valid record; None where there is none."""
        return self._catalog.get(kind, record_id)

    def records(self, kind: str) -> tuple[Record, ...]:
        """All valid records of a kind, sorted by id."""
        return self._catalog.records(kind)

    def read(self, path: str) -> bytes | None:
        """A file by its path in the repository; None where there is none (a symbolic link is none)."""
        return self._tree.read(path)
