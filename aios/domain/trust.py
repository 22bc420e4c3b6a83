"""How far a text can be trusted, compared: what is made from several is worth what the least trusted of them is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from aios.domain.names import MEMORY
from aios.domain.record import Trust

SOURCES = "state/sources/"
_ORDER = (Trust.OPERATOR, Trust.DERIVED, Trust.EXTERNAL)


def worst(trusts: Iterable[Trust]) -> Trust:
    """The least trusted; operator's where there is none."""
    return max(trusts, key=_ORDER.index, default=Trust.OPERATOR)


def is_better(one: Trust, other: Trust) -> bool:
    return _ORDER.index(one) < _ORDER.index(other)


def trust_of(path: str, data: Mapping[str, Any]) -> Trust:
    """As the file is marked; unmarked, what came from outside or from an agent is external, the operator's records are
    theirs. A mark that nobody knows is none: it is external.
    """
    marked = data.get("trust")
    if isinstance(marked, str) and marked in set(Trust):
        return Trust(marked)
    return Trust.EXTERNAL if path.startswith((MEMORY, SOURCES)) or marked else Trust.OPERATOR
