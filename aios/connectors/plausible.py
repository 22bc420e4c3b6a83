"""Plausible, or what speaks its stats API (version 2): the traffic of a site, in the shape that access logs give.

It counts people only, and knows neither what was searched on the site nor which pages were missing: those lists are
empty. Its days are those of the time zone that the site has there.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from aios.connectors.access_log.labels import page_path, referrer
from aios.connectors.analytics import PARAMS, TOP, bounded, period, zone_of
from aios.connectors.http import Service
from aios.connectors.reading import Reader
from aios.connectors.surroundings import Surroundings
from aios.domain.effect import Capability, Collected
from aios.domain.finding import Finding, Severity
from aios.errors import AiosError

__all__ = ["CAPABILITIES", "SETTINGS", "Plausible", "connect"]

_ROWS = 10_000  # of one answer: what the service gives at most
_MOST_ROWS = 200_000
_DIRECT = "Direct / None"

SETTINGS: Mapping[str, Any] = {
    "type": "object",
    "required": ["site", "key"],
    "additionalProperties": False,
    "properties": {
        "address": {
            "type": "string",
            "pattern": r"^https?://[^\s/?#]+(?:/[^\s?#]*)?$",
            "patternErrorMessage": "a URL starts with https:// (or http://), without ? and #",
            "description": "Where it runs; https://plausible.io where left out.",
        },
        "site": {"type": "string", "minLength": 1, "description": "The site as it is called there: example.org."},
        "key": {
            "type": "object",
            "required": ["env"],
            "additionalProperties": False,
            "properties": {"env": {"type": "string", "minLength": 1}},
            "description": "A key of its stats API: {env: NAME}.",
        },
        "timezone": {"type": "string", "description": "The site's, to know what yesterday is; UTC if left out."},
    },
}
CAPABILITIES: Mapping[str, Capability] = {
    "analytics.read": Capability(
        "analytics.read",
        False,
        PARAMS,
        summary="Views, visitors and referrers.",
        transient=("429", "5xx", "timeout"),
    )
}


@dataclass(frozen=True, slots=True)
class Plausible(Reader):
    """`site` is the site's name there, `zone` whose days are counted."""

    service: Service
    site: str
    zone: ZoneInfo
    clock: Callable[[], datetime]

    def capabilities(self) -> Mapping[str, Capability]:
        return CAPABILITIES

    def read(self, capability: str, params: Mapping[str, Any]) -> Collected:
        """The traffic of a period: `{from, to, views, visitors, pages, referrers, searches, missing, bots, timezone}`.
        Raises UsageError for a period that is none."""
        if capability not in CAPABILITIES:
            raise self.no(capability)
        start, end = period(params, self.zone, self.clock)
        top = int(params.get("top", TOP))
        ask = _Asking(self.service, {"site_id": self.site, "date_range": [start.isoformat(), end.isoformat()]})
        counted = ["pageviews", "visitors"]  # what is first ranks
        _, (views, visitors) = next(ask.rows([], counted, limit=1), ([], [0, 0]))
        found = list(ask.rows(["event:page"], counted, limit=top))
        theirs = [page for (page,), _ in found]
        only = [["is", "event:page", theirs]]
        days: defaultdict[str, dict[str, int]] = defaultdict(dict)
        came: defaultdict[str, dict[str, int]] = defaultdict(dict)
        if theirs:
            for (page, day), (number,) in ask.rows(["event:page", "time:day"], ["pageviews"], filters=only):
                days[page][_day(day)] = number
            for (page, source), (number,) in ask.rows(["event:page", "visit:referrer"], ["visitors"], filters=only):
                _add(came[page], source, number)
        everywhere: dict[str, int] = {}
        for (source,), (number,) in ask.rows(["visit:referrer"], ["visitors"], limit=top):
            _add(everywhere, source, number)
        pages: list[dict[str, Any]] = [
            {
                "path": page_path(page),
                "views": seen,
                "visitors": people,
                "days": [{"date": day, "views": days[page][day]} for day in sorted(days[page]) if days[page][day]],
                "referrers": _ranked(came[page])[:10],
            }
            for (page,), (seen, people) in found
        ]
        data = {
            "from": start.isoformat(),
            "to": end.isoformat(),
            "views": views,
            "visitors": visitors,
            "pages": sorted(pages, key=lambda page: (-page["views"], page["path"])),
            "referrers": _ranked(everywhere),
            "searches": [],
            "missing": [],
            "bots": {"requests": 0, "names": []},
            "timezone": self.zone.key,
        }
        return Collected(bounded(data, top), findings=tuple(ask.findings(self.name)))

    def check(self) -> Sequence[Finding]:
        today = self.clock().astimezone(self.zone).date().isoformat()
        ask = _Asking(self.service, {"site_id": self.site, "date_range": [today, today]})
        try:
            list(ask.rows([], ["visitors"], limit=1))
        except AiosError as error:
            return [Finding(f"state/connectors/{self.name}.yaml", 0, 0, "service", error.message, error.hint)]
        return []


@dataclass(slots=True)
class _Asking:
    """Queries about one site and period."""

    service: Service
    about: Mapping[str, Any]
    cut: bool = False

    def rows(
        self, dimensions: Sequence[str], metrics: Sequence[str], *, limit: int = _MOST_ROWS, filters: Sequence[Any] = ()
    ) -> Iterator[tuple[list[str], list[int]]]:
        """Values of the dimensions, and of the metrics."""
        given = 0
        while given < limit:
            size = min(_ROWS, limit - given)
            query = {**self.about, "metrics": list(metrics), "dimensions": list(dimensions)}
            query |= {"pagination": {"limit": size, "offset": given}, **({"filters": list(filters)} if filters else {})}
            answer = self.service.ask("POST", "/api/v2/query", json=query).data
            results = answer.get("results") if isinstance(answer, dict) else None
            if not isinstance(results, list):
                raise AiosError(f"{self.service.name} answers no results", "does it speak version 2 of the stats API?")
            for each in results:
                yield _row(each, len(dimensions), len(metrics), self.service.name)
            given += len(results)
            if len(results) < size:
                return
        self.cut = self.cut or limit == _MOST_ROWS

    def findings(self, name: str) -> Iterator[Finding]:
        if self.cut:
            message = f"more than {_MOST_ROWS} numbers: the days or referrers of some pages are not all here"
            place = f"state/connectors/{name}.yaml"
            yield Finding(place, 0, 0, "analytics-size", message, "ask for fewer days", Severity.WARNING)


def _row(row: Any, dimensions: int, metrics: int, name: str) -> tuple[list[str], list[int]]:
    found = row if isinstance(row, dict) else {}
    labels, numbers = found.get("dimensions", []), found.get("metrics", [])
    if (
        not isinstance(labels, list)
        or not isinstance(numbers, list)
        or (len(labels), len(numbers))
        != (
            dimensions,
            metrics,
        )
    ):
        raise AiosError(f"{name} answers a row of another form than was asked for", "did its API change?")
    return [str(each) for each in labels], [each if type(each) is int and each > 0 else 0 for each in numbers]


def _day(text: str) -> str:
    try:
        return date.fromisoformat(text[:10]).isoformat()
    except ValueError as error:
        raise AiosError("a day is none in what the analytics answer", "did its API change?") from error


def _add(counts: dict[str, int], source: str, number: int) -> None:
    """Referrers come as `host/path`, or as words where there is none."""
    host, _ = referrer(f"https://{source.partition('://')[2] or source}") if source != _DIRECT else ("", "")
    if "." in host and number:
        counts[host] = counts.get(host, 0) + number


def _ranked(counts: Mapping[str, int]) -> list[dict[str, Any]]:
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return [{"kind": "host", "host": host, "count": number} for host, number in ranked]


def connect(name: str, settings: Mapping[str, Any], around: Surroundings) -> Plausible:
    """Raises RefusedError for a time zone that nobody knows."""
    base = str(settings.get("address", "https://plausible.io")).rstrip("/")
    key = settings["key"]
    service = Service(
        name, base, credentials=lambda: {"Authorization": f"Bearer {around.need(key)}"}, told=around.told(name)
    )
    return Plausible(name, service, str(settings["site"]), zone_of(settings), around.clock)
