"""A metric's record → its row."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aios.projections.folds import Rows
from aios.projections.folds.values import number, text, whole


def fold(ref: str, data: Mapping[str, Any]) -> Rows:
    counts = (whole(data.get(name)) for name in ("views", "visitors", "bots"))
    period = (text(data, "from")[:10], text(data, "to")[:10])
    return [
        ("metrics", (ref, text(data, "content"), *period, *counts, text(data, "trend"), number(data.get("change"))))
    ]
