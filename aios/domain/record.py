"""Records: one file of state each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Trust(StrEnum):
    """Who stands behind a text. External text is data for ever."""

    OPERATOR = "operator"
    DERIVED = "derived"
    EXTERNAL = "external"


# A key path inside a document, e.g. ("steps", "plan", "with", 0).
Where = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed YAML or front-matter file.

    `data` holds JSON types only (dates stay strings). `body` is the prose behind the front matter, None for plain YAML.
    `positions` maps key paths to (line, column), counted from 1; a mapping entry's position is that of its key.
    `body_line` is the line at which the body starts.
    """

    path: str
    data: Mapping[str, Any]
    body: str | None
    positions: Mapping[Where, tuple[int, int]]
    body_line: int = 0

    def position(self, where: Where) -> tuple[int, int]:
        """The place of `where`, or of its nearest known ancestor; (1, 1) where none is known."""
        while where and where not in self.positions:
            where = where[:-1]
        return self.positions.get(where, (1, 1))


@dataclass(frozen=True, slots=True)
class Record:
    """One valid record, upcast to the newest schema.

    `id` is the file's stem, `ref` names it across kinds (`content/pricing-page-teardown`).
    """

    kind: str
    id: str
    path: str
    schema: str
    data: Mapping[str, Any]
    body: str | None = None

    @property
    def ref(self) -> str:
        return ref_of(self.path)

    def get(self, field: str, default: Any = None) -> Any:
        return self.data.get(field, default)


def ref_of(path: str) -> str:
    """`state/content/x.md` → `content/x`; `memory/lessons/y.md` → `memory/lessons/y`."""
    stem, dot, suffix = path.rpartition(".")
    name = stem if dot and suffix in {"yaml", "yml", "md", "json"} else path
    return name.removeprefix("state/")
