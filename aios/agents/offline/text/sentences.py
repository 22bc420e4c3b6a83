"""Sentences of a paragraph, as offsets. Nothing is changed, so a slice of the text is the sentence."""

from __future__ import annotations

import re

_SHIELD = re.compile(r"`+[^`]+`+|\[[^\]]*\]\([^)]*\)|<https?://[^>]*>|https?://[^\s)>\]]+")
_END = re.compile(r"[.!?…]+[\"”’'»)\]*_]*(?=\s+[\"“‘'«(\[*_`]*[A-ZÀ-ÞΑ-ΩА-Я0-9`]|\s*$)")
_COLON = re.compile(r":[*_]*\s*$")
_ABBREVIATED = """
e.g i.e etc vs cf dr mr mrs ms prof st fig no nr ca approx resp al eq sec vol ed inc ltd jr sr dept est max min
z.b d.h u.a bzw usw evtl ggf vgl abs art s.o s.u u.u o.ä i.d.r str tel abb
"""
_ABBREVIATIONS = frozenset(_ABBREVIATED.split())
_LAST_WORD = re.compile(r"[^\s(\[“\"'„]+$")


def sentences(text: str) -> list[tuple[int, int]]:
    """(start, end) of each sentence in order, without the white space between them."""
    shielded = _SHIELD.sub(lambda match: "x" * (match.end() - match.start()), text)
    found: list[tuple[int, int]] = []
    start = len(text) - len(text.lstrip())
    for match in _END.finditer(shielded):
        if match.start() < start or _abbreviated(shielded, match):
            continue
        end = match.end()
        found.append((start, end))
        start = end + len(shielded[end:]) - len(shielded[end:].lstrip())
    rest = text[start:].rstrip()
    if rest:
        found.append((start, start + len(rest)))
    return found


def _abbreviated(text: str, match: re.Match[str]) -> bool:
    if match.group().lstrip(".") or match.end() >= len(text.rstrip()):
        return False
    before = _LAST_WORD.search(text, 0, match.start())
    word = before.group().lower() if before else ""
    return word in _ABBREVIATIONS or (len(word) == 1 and word.isalpha() and word != "i")


def ends_openly(sentence: str) -> bool:
    """Does it announce what follows (a colon at its end)?"""
    return _COLON.search(sentence) is not None
