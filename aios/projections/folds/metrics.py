"""A metric's record → its row."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aios.projections.folds import Rows


def fold(ref: str, data: Mapping[str, Any]) -> Rows:
    numbers = (data.get("views"), data.get("visitors"), data.get("bots"))
    period = (str(data.get("from") or "")[:10], str(data.get("to") or "")[:10])
    change = data.get("change")
    row = (ref, str(data.get("content") or ""), *period, *map(_count, numbers), str(data.get("trend") or ""))
    return [("metrics", (*row, change if isinstance(change, int | float) else None))]


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
