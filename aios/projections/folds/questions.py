"""A question's record → its row."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aios.projections.folds import Rows
from aios.projections.folds.values import text

_FIELDS = ("run", "step", "asks", "status", "answer", "asked", "answered")


def fold(ref: str, data: Mapping[str, Any]) -> Rows:
    return [("questions", (ref, *(text(data, name) for name in _FIELDS)))]
