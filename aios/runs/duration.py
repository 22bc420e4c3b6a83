"""Durations as workflows write them: `90s`, `10m`, `6h`, `7d`, `2w`."""

from __future__ import annotations

import re

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_PATTERN = re.compile(r"(\d+(?:\.\d+)?)(s|m|h|d|w)")


def seconds(text: str) -> float:
    """The duration in seconds. Raises ValueError where the text is no duration."""
    found = _PATTERN.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"`{text}` is no duration (90s, 10m, 6h, 7d, 2w)")
    return float(found[1]) * _UNITS[found[2]]
