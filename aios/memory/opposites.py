"""Rules in words that plainly say opposite things: “Always mention prices” and “Never mention prices”. Pure.

Plain means that both name the same things and one of them denies: nothing is guessed from words that merely differ. In
English and German, as far as one word of denial turns a sentence round.
"""

from __future__ import annotations

import re

_WORD = re.compile(r"\w+(?:[’']t\b)?")
_LEFT_OUT = re.compile(r"\b(?:leave|left|lass|lasst)\s+(\w+(?:\s+\w+){0,3}?)?\s*(?:out|weg)\b", re.IGNORECASE)
_DENYING_LIST = """
    never not no don't dont doesn't cannot can't without avoid stop omit drop skip
    nie niemals nicht kein keine keinen keiner keinem ohne vermeide streiche
"""
# Words that bid, and verbs that only say that something is to be there.
_EMPTY_LIST = """
    a all also always an and any are at be do each ever every for have in is it its just make must of on or our please
    put should so that the their them there these they this those to we when where with you your
    add contain give include mention name say show state tell write
    immer bitte der die das den dem des ein eine einen einem einer es ist sind im in mit muss sollen soll stets und wir
    zu erwähne erwähnen nenne nennen schreibe schreiben zeige zeigen
"""
_DENYING, _EMPTY = frozenset(_DENYING_LIST.split()), frozenset(_EMPTY_LIST.split())


def opposite(one: str, other: str) -> bool:
    """Do two rules say the same of the same things, the one with a denial and the other without?"""
    (denies, about), (too, same) = _meaning(one), _meaning(other)
    return denies != too and bool(about) and about == same


def matter(rule: str) -> frozenset[str]:
    """What a rule is about: its words without those that bid, deny or fill; opposite rules have the same."""
    return _meaning(rule)[1]


def _meaning(rule: str) -> tuple[bool, frozenset[str]]:
    text = _LEFT_OUT.sub(lambda found: f"omit {found[1] or ''}", rule.casefold().replace("’", "'"))
    words = _WORD.findall(text)
    count = sum(word in _DENYING for word in words)
    return count % 2 == 1, frozenset(_stem(word) for word in words if word not in _DENYING and word not in _EMPTY)


def _stem(word: str) -> str:
    """Without the ending that a verb or a plural has. Both sides lose the same, so it need not be a real stem."""
    for ending in ("ing", "s"):
        if word.endswith(ending) and len(word) - len(ending) >= 3 and not word.endswith("ss"):
            return word.removesuffix(ending)
    return word
