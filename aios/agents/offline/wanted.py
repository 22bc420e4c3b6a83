"""Topics that people asked for and did not find: on-site searches, search terms that led here, missing pages.

The words are strangers'. They are cleaned, grouped by their stems, held against what exists, and never obeyed.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from statistics import mean

from aios.agents.offline.earlier import headings_of
from aios.agents.offline.text.language import Language
from aios.agents.offline.text.similarity import jaccard
from aios.agents.offline.text.words import stems
from aios.agents.offline.traffic import Traffic, clean_path, clean_term, count
from aios.domain.record import Record

ENOUGH_SEARCHES = 3  # in the period, before a term is a wish …
ENOUGH_MISSES = 5  # … and before a missing page is one; half of each counts together
MOST_WORDS = 10
RISEN = 2.0  # times the mean of earlier periods
SAME_TOPIC = 0.8  # share of stems in common
MISTYPED = 0.85  # likeness to an address that exists

# What scanners ask for on every server of the world.
_SCANNED = re.compile(
    r"""\.|%|~|//|^/(?:wp|wordpress|xmlrpc|admin|administrator|login|signin|user|users|account|phpmyadmin|pma|mysql|sql|db
    |cgi-bin|vendor|node-modules|config|backup|old|new|test|tmp|temp|dev|staging|api|graphql|rest|v\d|assets?|static|img
    |images?|media|uploads?|files?|css|js|fonts?|feed|rss|atom|sitemap|robots|favicon|apple-touch|autodiscover|owa|actuator
    |console|manager|solr|jenkins|hnap\d?|boaform|shell|cmd|eval|telescope|debug|server-status|well-known|remote|portal)
    (?:[/_-]|$)""",
    re.VERBOSE | re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """`key` are the topic's stems. `usual` is what earlier periods had on average, None where there were none."""

    topic: str
    key: frozenset[str]
    searches: int
    misses: int
    usual: float | None
    seen: tuple[tuple[str, str, int], ...]  # ("search" | "missing page", as typed, count), most first

    @property
    def total(self) -> int:
        return self.searches + self.misses

    @property
    def is_rising(self) -> bool:
        return self.usual is not None and self.total >= RISEN * self.usual

    @property
    def strength(self) -> float:
        return round(min(1.0, self.total / 25 + (0.2 if self.is_rising else 0.0)), 2)


def wanted(traffic: Traffic, earlier: Sequence[Record], known: Language) -> list[Wanted]:
    """Topics asked for often enough, most asked first. `earlier` are records of the whole site before."""
    asked = [("search", term, number) for term, number in traffic.searches.items()]
    asked += [("missing page", path, number) for path, number in traffic.missing.items()]
    groups: dict[frozenset[str], list[tuple[str, str, int]]] = {}
    for kind, label, number in asked:
        key = frozenset(stems(words_in(kind, label), known))
        if is_topic(kind, label, key):
            groups.setdefault(key, []).append((kind, label, number))
    past = [_past(record, known) for record in earlier]
    found = []
    for key, group in _together(groups).items():
        seen = sorted(group, key=lambda item: (-item[2], item[0], item[1]))
        searches = sum(number for kind, _, number in seen if kind == "search")
        misses = sum(number for kind, _, number in seen if kind != "search")
        if searches / ENOUGH_SEARCHES + misses / ENOUGH_MISSES >= 1.0:
            best = min(seen, key=lambda item: (item[0] != "search", -item[2], item[1]))
            usual = mean(period[key] for period in past) if past else None
            topic = words_in(best[0], best[1])
            found.append(Wanted(topic[:1].upper() + topic[1:], key, searches, misses, usual, tuple(seen)))
    return sorted(found, key=lambda item: (-item.total, item.topic))


Asked = list[tuple[str, str, int]]


def _together(groups: dict[frozenset[str], Asked]) -> dict[frozenset[str], Asked]:
    """One wish in different words is one: a group joins the largest that says (nearly) all it says."""
    joined: dict[frozenset[str], Asked] = {}
    for key in sorted(groups, key=lambda key: (-len(key), sorted(key))):
        home = next((other for other in joined if len(key & other) >= SAME_TOPIC * len(key) and len(key) > 1), key)
        joined.setdefault(home, []).extend(groups[key])
    return joined


def words_in(kind: str, label: str) -> str:
    """A term, or the last part of an address as words."""
    text = label.rpartition("/")[2].replace("-", " ").replace("_", " ") if kind == "missing page" else label
    return clean_term(text)


def is_topic(kind: str, label: str, key: frozenset[str]) -> bool:
    """Could somebody write a piece about it?"""
    text = words_in(kind, label)
    words = text.split()
    letters = sum(char.isalpha() for char in text)
    telling = [stem for stem in key if len(stem) > 2 and any(char.isalpha() for char in stem)]
    if kind == "missing page" and (_SCANNED.search(label) or label.count("/") > 3 or len(telling) < 2):
        return False
    return bool(telling) and len(words) <= MOST_WORDS and letters >= 5 and letters >= 0.6 * len(text.replace(" ", ""))


def covered_by(topic: Wanted, content: Iterable[Record], known: Language) -> Record | None:
    """The piece that already is about it, be it only planned; retired ones do not count."""
    for piece in content:
        if piece.get("status") == "retired":
            continue
        fields = [piece.get("title"), piece.get("topic"), piece.get("slug"), *(piece.get("tags") or ())]
        text = " ".join([*(str(field or "").replace("-", " ") for field in fields), *headings_of(piece)])
        about = frozenset(stems(text, known))
        if len(topic.key & about) >= SAME_TOPIC * len(topic.key):
            return piece
    return None


def raised_before(topic: Wanted, signals: Iterable[Record], known: Language) -> Record | None:
    """The signal, open or settled, that asked for the same."""
    for signal in signals:
        inputs = signal.get("inputs")
        asked = str(inputs.get("topic", "")) if isinstance(inputs, dict) else ""
        if (
            signal.get("name") == "topic-opportunity"
            and jaccard(topic.key, frozenset(stems(asked, known))) >= SAME_TOPIC
        ):
            return signal
    return None


def mistyped(path: str, addresses: Iterable[str]) -> str:
    """The existing address that a missing one was probably meant to be; empty where none is near."""
    likeness = [(SequenceMatcher(None, path.lower(), address.lower()).ratio(), address) for address in addresses]
    ratio, address = max(likeness, default=(0.0, ""))
    return address if ratio >= MISTYPED else ""


def _past(record: Record, known: Language) -> Counter[frozenset[str]]:
    found: Counter[frozenset[str]] = Counter()
    for kind, field, name in (("search", "searches", "term"), ("missing page", "missing", "path")):
        for item in record.get(field) or ():
            label = clean_term(item.get(name)) if kind == "search" else clean_path(item.get(name))
            found[frozenset(stems(words_in(kind, label), known))] += count(item.get("count"))
    return found
