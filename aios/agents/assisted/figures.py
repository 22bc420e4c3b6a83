"""Numbers of a sentence as figures with their units, and words that turn a statement round. English and German."""

from __future__ import annotations

import re

# From two on; one is too often no number.
_ONES = """
two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen
zwei drei vier fünf sechs sieben acht neun zehn elf zwölf dreizehn vierzehn fünfzehn sechzehn siebzehn achtzehn neunzehn
"""
_TENS = """
twenty thirty forty fifty sixty seventy eighty ninety hundred
zwanzig dreißig vierzig fünfzig sechzig siebzig achtzig neunzig hundert
"""
_WORDS = {word: str(number) for line in _ONES.strip().split("\n") for number, word in enumerate(line.split(), 2)}
_WORDS |= {word: str(10 * number) for line in _TENS.strip().split("\n") for number, word in enumerate(line.split(), 2)}
_WORDS |= {"thousand": "1000", "tausend": "1000", "dozen": "12", "dutzend": "12"}
_SPELLED = re.compile(rf"\b(?:{'|'.join(sorted(_WORDS, key=len, reverse=True))})\b", re.IGNORECASE)
_NUMBER = re.compile(r"\d+(?:[.,:/]\d+)*")

# One line for each unit; what stands there means the same.
_UNITS = """
second seconds sekunde sekunden
minute minutes minuten
hour hours stunde stunden
day days tag tage tagen
week weeks woche wochen
month months monat monate monaten
quarter quarters quartal quartale quartalen
year years jahr jahre jahren
percent prozent %
euro euros eur €
dollar dollars usd $
pound pounds gbp £
million millions millionen mio
billion billions milliarde milliarden
"""
_UNIT = {word: line.split()[0] for line in _UNITS.strip().split("\n") for word in line.split()}
_BEHIND = re.compile(r"[\s\u00a0-]*(?:([%€$£])|([^\W\d_]+)(?:\s+([^\W\d_]+))?)")

# How much or how often: what says so must be in what it cites. One line means the same.
_QUANTITIES = """
always immer
most majority mehrheit meisten
half halve hälfte halb
double doubled doubles twice verdoppelt doppelt
triple tripled triples thrice dreifach
every each jede jeder jedes
all alle
only nur
millions millionen
"""
_QUANTITY = {word: line.split()[0] for line in _QUANTITIES.strip().split("\n") for word in line.split()}
# Not before and after: to wait before is to act after.
_OPPOSITES = """
more less
more fewer
higher lower
raise lower
raises lowers
raised lowered
increase decrease
increases decreases
increased decreased
above below
maximum minimum
most least
earlier later
allowed forbidden
cheaper dearer
gains losses
mehr weniger
erhöhen senken
höher niedriger
mindestens höchstens
früher später
"""
_OPPOSITE = [frozenset(line.split()) for line in _OPPOSITES.strip().split("\n")]
_WORD = re.compile(r"[^\W\d_]+")


def figure_without(sentence: str, there: str) -> str:
    """A number, or a number with its unit, of the sentence that is not there; as it is written."""
    said, known = figures(sentence), figures(there)
    numbers = {number for number, _ in known}
    for number, unit in said:
        if number not in numbers:
            return number
        if unit and (number, unit) not in known:
            return f"{number} {unit}"
    return ""


def figures(text: str) -> list[tuple[str, str]]:
    """(number without marks between thousands, unit or nothing), in order. Numbers in words count."""
    told = _SPELLED.sub(lambda match: _WORDS[match[0].casefold()], text)
    return [(_plain(match[0]), _unit(told, match)) for match in _NUMBER.finditer(told)]


def quantity_without(sentence: str, there: str) -> str:
    """A word for how much or how often that nothing there says."""
    known = {_QUANTITY[word] for word in _words(there) if word in _QUANTITY}
    return next((word for word in _words(sentence) if word in _QUANTITY and _QUANTITY[word] not in known), "")


def turned(sentence: str, like: str) -> tuple[str, str]:
    """(word, its opposite) where the sentence says one and the one it is like only the other; else nothing."""
    said, there = set(_words(sentence)), set(_words(like))
    for pair in _OPPOSITE:
        mine, theirs = said & pair, there & pair
        if len(mine) == 1 and len(theirs) == 1 and mine != theirs:
            return next(iter(mine)), next(iter(theirs))
    return "", ""


def _unit(text: str, number: re.Match[str]) -> str:
    """Of what it is that many: the sign before it, or the unit one or two words behind it."""
    before = text[: number.start()].rstrip()[-1:]
    if before in _UNIT:
        return _UNIT[before]
    behind = _BEHIND.match(text, number.end())
    words = behind.groups() if behind else ()
    return next((_UNIT[word.casefold()] for word in words if word and word.casefold() in _UNIT), "")


def _words(text: str) -> list[str]:
    return [word.casefold() for word in _WORD.findall(text)]


def _plain(number: str) -> str:
    """Without marks between thousands: 1,200 and 1.200 and 1200 are one."""
    return re.sub(r"[.,](?=\d{3}(?:\D|$))", "", number).rstrip(".,:/")
