"""Counting requests into what a reader of the numbers wants to know. Pure; the order of requests does not matter."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, tzinfo
from hashlib import blake2b
from typing import Any

from aios.connectors.access_log.bots import MOST_PAGES, gives_itself_away, is_bot_by_name
from aios.connectors.access_log.labels import is_asset, page_path, plain, referrer, search_term, split
from aios.connectors.access_log.lines import Request
from aios.connectors.analytics import bounded

_SHOWN = frozenset({200, 304})
_MISSING = frozenset({404, 410})


@dataclass(slots=True)
class _Visit:
    """What one visitor did on one day; thrown away as a whole when it turns out to be a machine."""

    views: Counter[str] = field(default_factory=Counter)
    came: Counter[tuple[str, str, str]] = field(default_factory=Counter)  # page, host, term
    searches: Counter[str] = field(default_factory=Counter)
    missing: Counter[str] = field(default_factory=Counter)
    requests: int = 0
    bot: str = ""


class Tally:
    """Requests from `start` to `end`, both included, days as `zone` has them. `own` are the site's own hosts."""

    def __init__(self, start: date, end: date, zone: tzinfo, own: frozenset[str]) -> None:
        self.start, self.end, self._zone, self._own = start, end, zone, own
        self._visits: defaultdict[tuple[str, bytes], _Visit] = defaultdict(_Visit)
        self._salt = f"{start}{end}".encode()[:16]
        self.counted = 0

    def add(self, request: Request) -> None:
        try:
            day = request.at.astimezone(self._zone).date()
        except OverflowError:
            return
        if not self.start <= day <= self.end:
            return
        self.counted += 1
        # Never the address itself: a hash that is good for one answer, kept for the length of this count.
        text = f"{day}|{request.ip}|{request.agent}".encode("utf-8", "replace")
        visit = self._visits[day.isoformat(), blake2b(text, digest_size=8, salt=self._salt).digest()]
        visit.requests += 1
        if visit.bot:
            return
        parts = split(request.target)
        if is_bot_by_name(request.agent):
            visit.bot = plain(request.agent, 60) or "(no name)"
        elif parts is not None and gives_itself_away(parts.path):
            visit.bot = "(by what it asked for)"
        if visit.bot or parts is None or request.method != "GET" or is_asset(parts.path):
            return
        self._page(visit, page_path(parts.path), parts.query, request)

    def _page(self, visit: _Visit, path: str, query: str, request: Request) -> None:
        if request.status in _MISSING:
            visit.missing[path] += 1
        if request.status not in _SHOWN:
            return
        visit.views[path] += 1
        if sum(visit.views.values()) > MOST_PAGES:
            visit.bot = "(by how much it asked for)"
            return
        if term := search_term(query):
            visit.searches[term] += 1
        host, sought = referrer(request.referrer) if request.referrer else ("", "")
        if host and host not in self._own:
            visit.came[path, host, sought] += 1

    def result(self, *, top: int) -> dict[str, Any]:
        """The numbers, JSON data of at most `MOST_BYTES`; `left_out` tells what was cut off the ends of lists."""
        views: Counter[str] = Counter()
        visitors: Counter[str] = Counter()
        days: defaultdict[str, Counter[str]] = defaultdict(Counter)
        came: defaultdict[str, Counter[tuple[str, str]]] = defaultdict(Counter)
        searches: Counter[str] = Counter()
        missing: Counter[str] = Counter()
        bots: Counter[str] = Counter()
        people = 0
        for (day, _), visit in self._visits.items():
            if visit.bot:
                bots[visit.bot] += visit.requests
                continue
            people += bool(visit.views)
            searches.update(visit.searches)
            missing.update(visit.missing)
            for path, number in visit.views.items():
                views[path] += number
                visitors[path] += 1
                days[path][day] += number
            for (path, host, term), number in visit.came.items():
                came[path][host, term] += number
        pages = [
            {
                "path": path,
                "views": number,
                "visitors": visitors[path],
                "days": [{"date": day, "views": days[path][day]} for day in sorted(days[path])],
                "referrers": _came(came[path], top=10),
            }
            for path, number in _ranked(views)
        ]
        everywhere: Counter[tuple[str, str]] = Counter()
        for each in came.values():
            everywhere.update(each)
        result: dict[str, Any] = {
            "from": self.start.isoformat(),
            "to": self.end.isoformat(),
            "views": views.total(),
            "visitors": people,
            "pages": pages,
            "referrers": _came(everywhere, top=len(everywhere)),
            "searches": [{"term": term, "count": number} for term, number in _ranked(searches)],
            "missing": [{"path": path, "count": number} for path, number in _ranked(missing)],
            "bots": {"requests": bots.total(), "names": [{"name": n, "count": c} for n, c in _ranked(bots)[:10]]},
        }
        return bounded(result, top)


def _ranked(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def _came(counts: Mapping[tuple[str, str], int], *, top: int) -> list[dict[str, Any]]:
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:top]
    return [
        {"kind": "search", "host": host, "term": term, "count": number}
        if term
        else {"kind": "host", "host": host, "count": number}
        for (host, term), number in ranked
    ]
