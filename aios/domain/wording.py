"""Small words that every room needs to say the same way."""

from __future__ import annotations


def counted(number: int, noun: str, plural: str = "") -> str:
    """`1 passage`, `2 passages`; `plural` where an s is not enough."""
    return f"{number} {noun if number == 1 else plural or noun + 's'}"
