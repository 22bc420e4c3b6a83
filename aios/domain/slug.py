"""Slugs: names that are safe as file names, ref names, ids and URLs alike."""

from __future__ import annotations

import re
import unicodedata

MAX_LENGTH = 64
PATTERN = r"^[a-z0-9]+(?:-[a-z0-9]+)*$"
_VALID = re.compile(PATTERN)
_OTHER = re.compile(r"[^a-z0-9]+")
# Letters that decompose to nothing useful; German first, for that is where the operator's umlauts come from.
_LETTERS = str.maketrans(
    {"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "ø": "o", "đ": "d", "ł": "l", "æ": "ae", "œ": "oe"}
)


def slug(text: str, *, limit: int = MAX_LENGTH) -> str:
    """Turn any text into a slug of at most `limit` characters, cut at a word; `"untitled"` where nothing is left."""
    lowered = text.casefold().translate(_LETTERS)
    ascii_text = unicodedata.normalize("NFKD", lowered).encode("ascii", "ignore").decode()
    result = _OTHER.sub("-", ascii_text).strip("-")
    if len(result) > limit:
        head, dash, _ = result[: limit + 1].rpartition("-")
        result = head if dash and len(head) >= limit // 2 else result[:limit].rstrip("-")
    return result or "untitled"


def is_slug(text: str) -> bool:
    return len(text) <= MAX_LENGTH and _VALID.match(text) is not None
