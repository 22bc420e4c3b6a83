"""Dates as people ask for them: `2026-03-02` is also March 2026, and the second of March."""

from __future__ import annotations

import re

_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
_ISO = re.compile(r"\b(\d{4})-(\d{2})(?:-(\d{2}))?(?!\d)")


def date_words(text: str) -> str:
    """The dates in a text, in words: `2 March 2026`. Empty where there are none."""
    found = (_spoken(match) for match in _ISO.finditer(text))
    return " ".join(dict.fromkeys(words for words in found if words))


def _spoken(match: re.Match[str]) -> str:
    year, month, day = match[1], int(match[2]), int(match[3] or 1)
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return ""
    return f"{f'{day} ' if match[3] else ''}{_MONTHS[month - 1]} {year}"
