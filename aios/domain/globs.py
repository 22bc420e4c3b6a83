"""Globs over paths, as contracts and policies write them: `*` within a directory, `**` across directories."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

from aios.domain.unseen import without_unseen

_DEVICE = re.compile(r"(?:con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(?:\.|$)", re.IGNORECASE)


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> re.Pattern[str]:
    parts: list[str] = []
    index = 0
    while index < len(pattern):
        if pattern.startswith("**/", index):
            parts.append("(?:[^/]+/)*")
            index += 3
        elif pattern.startswith("**", index):
            parts.append(".*")
            index += 2
        elif pattern[index] == "*":
            parts.append("[^/]*")
            index += 1
        elif pattern[index] == "?":
            parts.append("[^/]")
            index += 1
        else:
            parts.append(re.escape(pattern[index]))
            index += 1
    return re.compile("".join(parts) + r"\Z", re.DOTALL)


def matches(path: str, patterns: Iterable[str]) -> bool:
    """Does any of the globs match the whole path?"""
    return any(_compiled(pattern).match(path) for pattern in patterns)


def is_safe_path(path: str) -> bool:
    """A relative path inside the company, in one spelling that every file system keeps apart from others: no `..`, no
    `.git`, no backslash, nothing unseen, no dots or blanks at the end of a name, no name of a device of Windows."""
    parts = path.split("/")
    return (
        bool(path)
        and len(path) <= 512
        and all(part not in {"", ".", ".."} for part in parts)
        and not any(part.casefold() in {".git", "git~1"} or _DEVICE.match(part) for part in parts)
        and not any(char in "\\:\ufe0e\ufe0f" for char in path)
        and path == unicodedata.normalize("NFKC", without_unseen(path))
        and path.isprintable()
        and not any(part != part.strip(" ") or part.endswith(".") or len(part.encode()) > 255 for part in parts)
    )
