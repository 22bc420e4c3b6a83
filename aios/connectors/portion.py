"""How much of a list one read gives."""

from __future__ import annotations

from typing import Any

from aios.domain.keys import canonical_json

_MOST_BYTES = 40 * 1024  # of an answer: it becomes part of a commit message


def portion(items: list[dict[str, Any]], limit: int) -> list[dict[str, Any]]:
    """As many from the beginning as an answer may hold, `limit` at most and one at least."""
    size = 0
    for index, each in enumerate(items[:limit]):
        size += len(canonical_json(each).encode())
        if size > _MOST_BYTES and index:
            return items[:index]
    return items[:limit]
