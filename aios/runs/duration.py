"""Durations as workflows write them: `90s`, `10m`, `6h`, `7d`, `2w`."""

from __future__ import annotations

import re

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_PATTERN = re.compile(r"([0-9]+(?:\.[0-9]+)?)(s|m|h|d|w)")
LONGEST = 10 * 366 * 86_400.0  # seconds; longer is a slip of the pen, and dates end somewhere


def seconds(text: str) -> float:
    """The duration in seconds. Raises ValueError where the text is no duration, or one of more than ten years."""
    found = _PATTERN.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"`{text[:40]}` is no duration")
    amount = float(found[1]) * _UNITS[found[2]]
    if amount > LONGEST:
        raise ValueError(f"`{text[:40]}` is more than ten years")
    return amount


def span(amount: float) -> str:
    """Seconds as a duration in the largest unit that keeps the number at one or more: `7d`, `1.5h`."""
    for unit, size in (("d", 86_400), ("h", 3600), ("m", 60)):
        if amount >= size:
            return f"{amount / size:g}{unit}"
    return f"{amount:g}s"
