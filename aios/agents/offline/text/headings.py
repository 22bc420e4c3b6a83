"""Headings fit for a piece: cleaned of markup and numbering, in sentence case, told apart from the meaningless."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

_NUMBER = re.compile(r"^(?:\d+(?:\.\d+)*[.)]?|[IVX]+\.|[A-Z]\.|§\s*\d+)\s+")
_MARKUP = re.compile(
    r"\[([^\]]*)\]\([^)]*\)|\{[\w:-]+\}|[*_]{1,2}(?=\S)|(?<=\S)[*_]{1,2}(?=\W|$)|\s*\{#[^}]*\}|¶|#+\s*$"
)
_GENERIC = re.compile(
    r"""(?:(?:an?|the|basic|simple|more|other|some|advanced|general|further|quick|full|complete|additional|your|first|next)\s+)*
    (?:examples?|introduction|intro|overview|usage|basics?|notes?|features?|api(?:\s+reference)?|reference|quick\s?start|getting\s+started|summary
    |conclusion|background|details?|description|about|index|home|contents?|documentation|docs|guide|user(?:'s)?\s+guide|tutorial|faq|misc(?:ellaneous)?|topics?
    |install(?:ation|ing)?|changelog|changes|readme|welcome|what's\s+new|steps?|caveats?|warnings?|limitations|options?|parameters?|arguments?|references
    |see\s+also|answers?|questions?|result|solution|problem|goals?|further\s+reading|license|credits|contributing|motivation|design|why|how|what|other|extras?|tips|advanced(?:\s+usage)?|patterns?|setup
    |einleitung|einführung|überblick|beispiele?|grundlagen|zusammenfassung|inhalt|hinweise?)\s*$""",
    re.IGNORECASE | re.VERBOSE,
)
_WORD = re.compile(r"[^\W\d_][\w'’-]*")
_CODE = re.compile(r"`[^`]*`")
_STARTERS = (". ", "? ", "! ", ": ", '"', "“", "(", "/", ".", "-", "_", "- ", "* ")
_FENCE = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)


def clean(heading: str) -> str:
    """Without numbering, links, emphasis and end punctuation; inline code stays."""
    text = _MARKUP.sub(lambda match: match.group(1) or "", heading)
    return _NUMBER.sub("", " ".join(text.split())).strip(" .:;,-–—")


def is_generic(heading: str) -> bool:
    """Would it fit any piece? ("Overview", "Basic example")"""
    return _GENERIC.match(heading) is not None


def quality(heading: str) -> float:
    """0 (unfit) to 1: two to seven plain words that say something."""
    plain = _CODE.sub("", heading)
    count = len(heading.split())
    if (
        not heading
        or not (heading[0].isalnum() or heading[0] in '`“"')
        or is_generic(heading)
        or count > 10
        or not any(char.isalpha() for char in plain)
    ):
        return 0.0
    value = 1.0 if 2 <= count <= 7 else 0.7
    if plain != heading or re.search(r"[(){}\[\]=<>/\\|@]|::|\w\.\w|_", heading):
        value -= 0.5
    if re.match(r"(?:my|your|our)\b", heading, re.IGNORECASE):
        value -= 0.4
    if heading.endswith(("?", "!")):
        value -= 0.1
    return max(0.05, value)


def spelling(texts: Iterable[str]) -> dict[str, str]:
    """How the texts write each word inside a sentence, by lower-case word: names keep their capitals.

    A word that stands at the beginning of sentences only is a name if it does so often and is no gerund.
    """
    seen: dict[str, Counter[str]] = {}
    first: Counter[str] = Counter()
    for text in texts:
        prose = _CODE.sub(" ", _FENCE.sub(" ", text))
        for line in prose.splitlines():
            if line.lstrip().startswith("#"):
                continue
            for match in _WORD.finditer(line):
                before = line[max(0, match.start() - 2) : match.start()]
                word = match.group()
                if not before.strip() or before.endswith(_STARTERS):
                    if word[0].isupper():
                        first[word] += 1
                else:
                    seen.setdefault(word.lower(), Counter())[word] += 1
    written = {word: max(sorted(forms), key=lambda form: forms[form]) for word, forms in seen.items()}
    for word, count in first.items():
        if count >= 3 and not word.endswith("ing"):
            written.setdefault(word.lower(), word)
    return written


def sentence_case(heading: str, spellings: dict[str, str], *, german: bool = False) -> str:
    """`Using Timeouts` → `Using timeouts`, `The HTTP Client` → `The HTTP client`. Code and German stay as they are."""
    if german:
        return heading[:1].upper() + heading[1:]
    pieces = re.split(r"(`[^`]*`)", heading)
    first = True
    for index, piece in enumerate(pieces):
        if piece.startswith("`"):
            first = False
            continue
        words = piece.split(" ")
        for place, word in enumerate(words):
            match = _WORD.search(word)
            if match is None:
                continue
            plain = match.group()
            mixed = plain[1:] != plain[1:].lower()
            if not first and not mixed and plain[0].isupper():
                written = spellings.get(plain.lower(), plain.lower())
                words[place] = word.replace(plain, written if written.lower() == plain.lower() else plain, 1)
            first = False
        pieces[index] = " ".join(words)
    text = "".join(pieces)
    return text[:1].upper() + text[1:]
