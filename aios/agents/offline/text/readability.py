"""Flesch reading ease without a dictionary: syllables are counted as groups of vowels."""

from __future__ import annotations

import re

from aios.agents.offline.text.language import Language
from aios.agents.offline.text.words import words

_VOWELS = re.compile(r"[aeiouyäöüáéíóúàèìòùâêîôû]+")
_CODE = re.compile(r"`[^`]*`")


def syllables(word: str) -> int:
    lowered = word.lower()
    count = len(_VOWELS.findall(lowered))
    if count > 1 and lowered.endswith("e") and not lowered.endswith(("le", "ee", "ie")):
        count -= 1
    return max(1, count)


def reading_ease(sentences: list[str], language: Language) -> float:
    """0 (very hard) to 100 (very easy). German by Amstad's constants. Code counts as one short word. 60 for no text."""
    plain = [words(_CODE.sub(" code ", sentence)) for sentence in sentences]
    plain = [found for found in plain if found]
    total = sum(len(found) for found in plain)
    if not total:
        return 60.0
    per_sentence = total / len(plain)
    per_word = sum(syllables(word) for found in plain for word in found) / total
    ease = (
        180 - per_sentence - 58.5 * per_word
        if language.code == "de"
        else 206.835 - 1.015 * per_sentence - 84.6 * per_word
    )
    return max(0.0, min(100.0, ease))
