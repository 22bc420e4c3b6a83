"""Does what a sentence cites say what the sentence says? Rules, not judgement, and careful ones.

A sentence is supported where its numbers, names and denials are in the cited passages and most of its words too. What
fails is not false; nobody has checked it, and it is marked so.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from aios.agents.offline.text.language import Language
from aios.agents.offline.text.sentences import sentences
from aios.agents.offline.text.words import stems

ENOUGH = 0.5  # share of a sentence's stems that its passages must hold
ALIKE = 0.5  # share of stems from which two sentences are about the same
CONNECTING = 24  # words of a sentence that claims nothing, at most

_NUMBER = re.compile(r"\d+(?:[.,:/]\d+)*")
_NAME = re.compile(r"(?<![.!?:“\"(]\s)(?<!^)(?<=\s)[A-ZÄÖÜ][\w’'-]*[^\W\d_]")
_DENIAL = re.compile(
    r"\b(?:not|no|never|none|nobody|nothing|neither|nor|without|cannot|nicht|kein\w*|nie|niemand|nichts|ohne)\b|n[’']t\b",
    re.IGNORECASE,
)


def doubt(sentence: str, cited: Sequence[str], known: Language, names: Collection[str] = ()) -> str:
    """Why the sentence is not supported by the passages that it cites; empty where it is. `names` need no support."""
    if not cited:
        return _claim(sentence, known, names)
    there = " ".join(cited)
    missing = [number for number in _NUMBER.findall(sentence) if _plain(number) not in _numbers(there)]
    if missing:
        return f"the number {missing[0]} is not in what it cites"
    strange = _strange(sentence, [there, *names], known)
    if strange:
        return f"“{strange}” is not in what it cites"
    said, wanted = set(stems(there, known)), set(stems(sentence, known))
    if wanted and len(wanted & said) / len(wanted) < ENOUGH:
        return "too little of it is in what it cites"
    return _denied(sentence, wanted, cited, known)


def _claim(sentence: str, known: Language, names: Collection[str]) -> str:
    """A sentence that cites nothing may only connect."""
    if _NUMBER.search(sentence):
        return "it gives a number and cites nothing"
    strange = _strange(sentence, names, known)
    if strange:
        return f"it names “{strange}” and cites nothing"
    return "it says too much to cite nothing" if len(sentence.split()) > CONNECTING else ""


def _strange(sentence: str, there: Collection[str], known: Language) -> str:
    """A name in the sentence that is nowhere there. Not for German, which writes every noun so."""
    if known.code == "de":
        return ""
    text = " ".join(there).casefold()
    return next((name for name in _NAME.findall(sentence) if name.casefold().removesuffix("’s") not in text), "")


def _denied(sentence: str, wanted: set[str], cited: Sequence[str], known: Language) -> str:
    """The sentence of the passages that it is most like must deny where it denies, and nowhere else."""
    best, like = "", 0.0
    for passage in cited:
        for start, end in sentences(passage):
            there = set(stems(passage[start:end], known))
            share = len(wanted & there) / len(wanted | there) if wanted | there else 0.0
            if share > like:
                best, like = passage[start:end], share
    if _DENIAL.search(sentence) and not any(_DENIAL.search(passage) for passage in cited):
        return "it denies something, and what it cites does not"
    if like >= ALIKE and bool(_DENIAL.search(best)) != bool(_DENIAL.search(sentence)):
        return "one of it and what it cites denies something, the other does not"
    return ""


def _numbers(text: str) -> set[str]:
    return {_plain(number) for number in _NUMBER.findall(text)}


def _plain(number: str) -> str:
    """Without marks between thousands: 1,200 and 1.200 and 1200 are one."""
    return re.sub(r"[.,](?=\d{3}(?:\D|$))", "", number).rstrip(".,:/")
