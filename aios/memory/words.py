"""The words of a query: what people type, less what carries no meaning."""

from __future__ import annotations

import re
from collections.abc import Iterable

MOST = 48  # distinct words of one query that are looked up

_WORD = re.compile(r"\w+")

# Function words and the words that make a question; the search engine's own weighting does not see through the latter.
_STOP_LIST = """
    a about above after again against all also although always am among an and any anybody anyone anything are aren
    around as at be because been before being below between both but by came can cannot come could couldn d did didn
    do does doesn doing don done down during each either else ever every everyone everything few for from further get
    gets getting give given go goes going gone got had hadn has hasn have haven having he her here hers herself him
    himself his how however i if in into is isn it its itself just kind know let like ll m make many maybe me might
    mine more most much must my myself need no nor not now of off often on once one only onto or other our ours
    ourselves out over own perhaps please quite rather re really s same say shall she should shouldn since so some
    somebody someone something such t tell than that the their theirs them themselves then there these they thing
    things this those though through thus to too toward towards under until up upon us use used uses using ve very via
    want was wasn way we well were weren what whatever when whenever where wherever whether which while who whoever
    whole whom whose why will with within without won would wouldn yet you your yours yourself yourselves
"""
STOP = frozenset(_STOP_LIST.split())


def words_of(text: str) -> list[str]:
    """All words of a text in order, lower case."""
    return _WORD.findall(text.lower())


def query_words(query: str) -> list[str]:
    """The distinct words worth looking up, in the query's order; all of them where every one is a stop word."""
    every = list(dict.fromkeys(words_of(query[:10_000])))
    telling = [word for word in every if word not in STOP]
    return (telling or every)[:MOST]


def match_any(words: Iterable[str]) -> str:
    """An FTS5 expression that matches any of the words. Words hold letters and digits only, so no syntax gets in."""
    return " OR ".join(f'"{word}"' for word in words)
