"""The folds: pure functions from what happened to rows. Each names its tables; rows are tuples in `TABLES`' order."""

from __future__ import annotations

Row = tuple[object, ...]
Rows = list[tuple[str, Row]]  # (table, row)
