"""Does what a sentence cites say what the sentence says? Rules, not judgement, and careful ones.

A sentence is supported where its figures, names, denials and amounts are in the cited passages and most of its words
too. What fails is not false; nobody has checked it, and it is marked so. Rules cannot tell every lie: a statement that
puts the words of its source together anew passes.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from aios.agents.assisted.figures import figure_without, figures, quantity_without, turned
from aios.agents.offline.text.language import Language
from aios.agents.offline.text.sentences import sentences
from aios.agents.offline.text.words import stems

ENOUGH = 0.6  # share of a sentence's stems that its passages must hold
ALIKE = 0.5  # share of a sentence's stems from which a sentence of its source is about the same
CONNECTING = 24  # words of a sentence that claims nothing, at most

_NAME = re.compile(r"(?<![.!?:“\"(]\s)(?<!^)(?<=\s)[A-ZÄÖÜ][\w’'-]*[^\W\d_]")
# A subject: a word that begins a sentence, with a verb, a genitive or a partner behind it.
_SUBJECT = re.compile(
    r"(?:^|(?<=[.!?:]\s))([A-ZÄÖÜ][^\W\d_][\w-]*)(?:[’']s\b|\s+(?:and|is|are|was|were|has|have|had|does|do|did|can|will|"
    r"would|may|must|should|made|found|said|sent|told|saw|went|took|gave|kept|lost|won|\w{2,}(?:s|ed))\b)"
)
_ADDRESS = re.compile(r"\b[\w.+-]*@?[\w-]+(?:\.[\w-]+)*\.[a-z]{2,}\b(?:/\S*)?", re.IGNORECASE)
_DENIAL = re.compile(
    r"\b(?:not|no|never|none|nobody|nothing|neither|nor|without|cannot|nicht|kein\w*|nie|niemand|nichts|ohne)\b|n[’']t\b",
    re.IGNORECASE,
)
# Words that speak of the text, not of its subject: all that a sentence may hold which cites nothing.
_OF_THE_TEXT = """
answer answers ask asked asks begin begins brief briefly case cases chapter come comes cover covers detail details
done end ends example examples exception exceptions explain explained explains follow followed following follows
idea ideas introduction leads leave leaves look looks mean means note order part parts passage passages piece point
points question questions read reader readers reading reason reasons rest return returns rule rules second section
sections show shows simple sources start starts step steps story subject sum summary tell tells text things third
topic turn turns word words work works
abschnitt abschnitte antwort antworten anfang beginnt beispiel ende folgende folgenden folgt frage fragen grund
gründe kapitel kurz lesen leser nächste nächsten punkt punkte quelle quellen regel regeln schritt schritte
teil teile text thema übersicht worum wort worte zeigt zusammengefasst
"""
_FREE = frozenset(_OF_THE_TEXT.split())


def doubt(sentence: str, cited: Sequence[str], known: Language, names: Collection[str] = ()) -> str:
    """Why the sentence is not supported by the passages that it cites; empty where it is. `names` need no support."""
    if not cited:
        return _claim(sentence, known, names)
    there = " ".join(cited)
    figure = figure_without(sentence, there)
    if figure:
        return f"the number {_as_written(figure, sentence)} is not in what it cites"
    strange = _strange(sentence, [there, *names], known)
    if strange:
        return f"“{strange}” is not in what it cites"
    said, wanted = set(stems(there, known)), set(stems(sentence, known))
    if wanted and len(wanted & said) / len(wanted) < ENOUGH:
        return "too little of it is in what it cites"
    amount = quantity_without(sentence, there)
    return f"it says “{amount}”, and what it cites does not" if amount else _otherwise(sentence, wanted, cited, known)


def _claim(sentence: str, known: Language, names: Collection[str]) -> str:
    """A sentence that cites nothing may only connect: it speaks of the text, in words of its headings."""
    if figures(sentence):
        return "it gives a number and cites nothing"
    strange = _strange(sentence, names, known)
    if strange:
        return f"it names “{strange}” and cites nothing"
    if len(sentence.split()) > CONNECTING:
        return "it says too much to cite nothing"
    free = {known.stem(word) for word in _FREE} | set(stems(" ".join(names), known))
    if _DENIAL.search(sentence) or not set(stems(sentence, known)) <= free:
        return "it claims something and cites nothing"
    return ""


def _strange(sentence: str, there: Collection[str], known: Language) -> str:
    """A name, a new subject or an address in the sentence that is nowhere there.

    German writes every noun as it does names: there each noun must be there, or a compound of it.
    """
    text = " ".join(there).casefold()
    held, roots = set(re.findall(r"[\w-]+", text)), set(stems(text, known))
    for address in _ADDRESS.findall(sentence):
        bare = str(address).rstrip(".,;:!?)")
        if bare.casefold() not in text:
            return bare
    for name in map(str, [*_SUBJECT.findall(sentence), *_NAME.findall(sentence)]):
        bare = re.sub(r"[’']s?$", "", name.casefold())
        is_there = bare in held or bare in known.stop or set(stems(bare, known)) & roots
        joined = known.code == "de" and len(bare) > 4 and bare in text
        if not is_there and not joined and bare not in _FREE:
            return name
    return ""


def _otherwise(sentence: str, wanted: set[str], cited: Sequence[str], known: Language) -> str:
    """The sentence of the passages that says most of it must deny where it denies, and turn nothing round."""
    best, like = "", (0.0, 0.0)
    for passage in cited:
        for start, end in sentences(passage):
            there = set(stems(passage[start:end], known))
            share = (_part(wanted & there, wanted), _part(wanted & there, wanted | there))
            if share > like:
                best, like = passage[start:end], share
    if _DENIAL.search(sentence) and not any(_DENIAL.search(passage) for passage in cited):
        return "it denies something, and what it cites does not"
    if like[0] < ALIKE:
        return ""
    if bool(_DENIAL.search(best)) != bool(_DENIAL.search(sentence)):
        return "one of it and what it cites denies something, the other does not"
    mine, theirs = turned(sentence, best)
    return f"it says “{mine}” where what it cites says “{theirs}”" if mine else ""


def _part(some: set[str], whole: set[str]) -> float:
    return len(some) / len(whole) if whole else 0.0


def _as_written(figure: str, sentence: str) -> str:
    """A number with its marks, as the sentence has it, where it stands there in digits."""
    number, _, unit = figure.partition(" ")
    every = re.findall(r"\d+(?:[.,:/]\d+)*", sentence)
    shown = next((str(each) for each in every if re.sub(r"[.,]", "", each) == number), number)
    return f"{shown} {unit}".strip()
