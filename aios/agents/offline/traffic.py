"""What an analytics service says of a period, made safe to count with and to keep.

Numbers that are none count as 0. Labels (hosts, search terms, addresses) were typed by strangers: they are cut down to
harmless characters here, once, and stay external text wherever they go.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from urllib.parse import unquote_plus, urlsplit

from aios.domain.record import Record

TERM_LIMIT = 80  # characters of a search term
PATH_LIMIT = 200
MOST = 10**12  # what a count may be
KEPT = 20  # referrers, terms and addresses kept in a record

# Search engines go by their names in some logs; a name is nobody's search.
_ENGINE_NAMES = "aol ask baidu bing brave duckduckgo ecosia google kagi naver qwant seznam startpage yahoo yandex"
_ENGINES = frozenset(_ENGINE_NAMES.split())
_NOT_HOST = re.compile(r"[^a-z0-9.:-]+")
_NOT_PATH = re.compile(r"[^A-Za-z0-9/._~%+-]+")


@dataclass(frozen=True, slots=True)
class Page:
    """`referrers` counts ("host", host) and ("search", term), `days` views by date; `path` is normalised."""

    path: str
    views: int
    visitors: int
    referrers: Counter[tuple[str, str]]
    days: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Traffic:
    """A period, its first and last day included. `covered` are the days for which the log has anything at all."""

    start: date
    end: date
    covered: tuple[str, ...]
    pages: tuple[Page, ...]
    searches: Counter[str]
    missing: Counter[str]
    bots: int

    @property
    def views(self) -> int:
        return sum(page.views for page in self.pages)

    @property
    def length(self) -> int:
        return (self.end - self.start).days + 1


def read_traffic(data: Mapping[str, Any]) -> Traffic | None:
    """The traffic in an `analytics.read` result; None where it names no period."""
    start, end = day_of(data.get("from")), day_of(data.get("to"))
    if start is None or end is None or end < start or (end - start).days > 3_660:
        return None
    pages = tuple(_page(item) for item in _items(data.get("pages")))
    searches: Counter[str] = Counter()
    for item in _items(data.get("searches")):
        searches[clean_term(item.get("term"))] += count(item.get("count"))
    led_here: Counter[str] = Counter()
    for page in pages:
        led_here.update({name: number for (kind, name), number in page.referrers.items() if kind == "search"})
    searches |= led_here  # the greater of both: some services list such a term in both places
    missing: Counter[str] = Counter()
    for item in _items(data.get("missing")):
        missing[clean_path(item.get("path"))] += count(item.get("count"))
    days = [(start + timedelta(days=number)).isoformat() for number in range((end - start).days + 1)]
    seen = {day for page in pages for day, views in page.days.items() if views}
    covered = tuple(day for day in days if day in seen) if seen else tuple(days)
    return Traffic(start, end, covered, pages, +searches, +missing, _bots(data.get("bots")))


def page_of(record: Record, traffic: Traffic) -> Page:
    """The traffic of a published piece: by its address, or by its slug where no address is known."""
    address = address_of(record)
    by_url = bool(record.get("url"))
    same = [
        page
        for page in traffic.pages
        if page.path == address or (not by_url and page.path.rpartition("/")[2] == address.lstrip("/"))
    ]
    referrers: Counter[tuple[str, str]] = Counter()
    days: Counter[str] = Counter()
    for page in same:
        referrers.update(page.referrers)
        days.update(page.days)
    return Page(address, sum(page.views for page in same), sum(page.visitors for page in same), referrers, days)


def address_of(record: Record) -> str:
    """The normalised path of a piece on its site."""
    return clean_path(str(record.get("url") or "") or f"/{record.get('slug') or record.id}")


def clean_path(value: Any) -> str:
    """The path of an address, `/` in front, none behind, without query, `index.html` and `.html`."""
    try:
        path = urlsplit(str(value or "")).path
    except ValueError:
        path = ""
    path = _NOT_PATH.sub("", unquote_plus(path))[:PATH_LIMIT]
    path = path.removesuffix("index.html").removesuffix(".html").rstrip("/")
    return "/" + path.lstrip("/")


def clean_term(value: Any) -> str:
    """Letters, digits and single spaces of a term, at most `TERM_LIMIT` characters, cut at a word."""
    text = unicodedata.normalize("NFKC", str(value or "")[: 4 * TERM_LIMIT])
    kept = "".join(char if char.isalnum() else " " for char in text)
    words: list[str] = []
    for word in kept.split():
        if len(" ".join([*words, word])) > TERM_LIMIT:
            break
        words.append(word)
    return " ".join(words)


def clean_host(value: Any) -> str:
    return _NOT_HOST.sub("", str(value or "").lower())[:100]


def is_engine(host: str) -> bool:
    """Is it a search engine's host? That it sends readers is no news."""
    return not _ENGINES.isdisjoint(host.split("."))


def count(value: Any) -> int:
    """A count from outside: 0 for what is no number or below zero, and no more than anybody could have counted."""
    return min(value, MOST) if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0


def day_of(value: Any) -> date | None:
    try:
        return date.fromisoformat(str(value or "")[:10])
    except ValueError:
        return None


def _page(item: Mapping[str, Any]) -> Page:
    referrers: Counter[tuple[str, str]] = Counter()
    for entry in _items(item.get("referrers")):
        kind, name = str(entry.get("kind") or "host"), entry.get("name") or entry.get("host")
        host, term = clean_host(name), clean_term(entry.get("term"))
        if kind == "search" and not term and "." not in host and host not in _ENGINES:
            term = clean_term(name)
        key = ("search", term) if term else ("host", host)
        if kind in {"host", "search"} and key[1]:
            referrers[key] += count(entry.get("count"))
    days = {str(entry.get("date"))[:10]: count(entry.get("views")) for entry in _items(item.get("days"))}
    path = clean_path(item.get("path"))
    return Page(path, count(item.get("views")), count(item.get("visitors")), +referrers, days)


def _bots(value: Any) -> int:
    if isinstance(value, Mapping):
        return next(
            (number for name in ("requests", "views", "count", "hits") if (number := count(value.get(name)))), 0
        )
    return count(value)


def _items(value: Any) -> Sequence[Mapping[str, Any]]:
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list | tuple) else ()
