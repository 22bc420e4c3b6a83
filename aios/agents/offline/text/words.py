"""Words and stems of a text."""

from __future__ import annotations

import re
from collections import Counter

from aios.agents.offline.text.language import Language

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)?")
_MARKUP = re.compile(r"\]\([^)]*\)|https?://\S+")


def words(text: str) -> list[str]:
    """The words as they stand; the targets of links are no words."""
    return _WORD.findall(_MARKUP.sub(" ", text))


def count_words(text: str) -> int:
    return len(words(text))


def stems(text: str, language: Language) -> list[str]:
    """Stems of the words that carry meaning, in order, repetitions kept."""
    stop, stem = language.stop, language.stem
    found = []
    for word in words(text.lower()):
        bare = word.split("'")[0].split("’")[0]
        if len(bare) > 1 and bare not in stop and not bare.isdigit():
            found.append(stem(bare))
    return found


def bag(text: str, language: Language) -> Counter[str]:
    return Counter(stems(text, language))
