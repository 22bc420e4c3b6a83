"""Values as the tables hold them. Operators write anything into their files; what does not fit is told as nothing."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any


def name(path: str) -> str:
    r"""A path or a part of one as text: bytes that are no UTF-8 are written as \xff."""
    return path if path.isascii() else os.fsencode(path).decode(errors="backslashreplace")


def text(data: Mapping[str, Any], field: str) -> str:
    value = data.get(field)
    return "" if value is None else str(value)


def mapping(data: Mapping[str, Any], field: str) -> Mapping[str, Any]:
    value = data.get(field)
    return value if isinstance(value, Mapping) else {}


def items(data: Mapping[str, Any], field: str) -> list[Any]:
    value = data.get(field)
    return value if isinstance(value, list) else []


def whole(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def number(value: object) -> int | float | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None
