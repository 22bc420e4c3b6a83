"""Engagement per published piece: this period's numbers beside those that are on record."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from aios.agents.offline.traffic import KEPT, Page, Traffic, count, day_of, page_of
from aios.agents.offline.trend import Trend, trend
from aios.domain.record import Record, Trust, ref_of
from aios.domain.slug import MAX_LENGTH

METRICS = "state/metrics/"
SITE = "all-pages"  # stands for the whole site in the names of records
MOST_PERIODS = 8  # earlier ones that a trend looks at
LAUNCH = timedelta(days=7)  # a new piece's first readers are no measure of its later ones


@dataclass(frozen=True, slots=True)
class Engagement:
    """`days` are the covered days on which the piece was out; `earlier` its records before, newest first."""

    piece: Record
    page: Page
    days: int
    trend: Trend
    earlier: tuple[Record, ...]
    recorded: tuple[Record, ...]

    @property
    def ref(self) -> str:
        return f"content/{self.piece.id}"


def engagement(piece: Record, traffic: Traffic, metrics: Sequence[Record]) -> Engagement | None:
    """None where the piece was not out for even one covered day."""
    published = day_of(piece.get("published"))
    out = [day for day in traffic.covered if published is None or date.fromisoformat(day) >= published]
    if not out:
        return None
    own = [record for record in metrics if record.get("content") == piece.id]
    earlier = periods_before(own, traffic.start)
    if published is not None:
        settled = [record for record in earlier if (day_of(record.get("from")) or published) >= published + LAUNCH]
        earlier = settled if len(settled) > 1 else earlier
    page = page_of(piece, traffic)
    scaled = [record.get("views", 0) * len(out) / max(count(record.get("days")), 1) for record in earlier]
    return Engagement(piece, page, len(out), trend(scaled, page.views), tuple(earlier), tuple(own))


def periods_before(records: Sequence[Record], start: date) -> list[Record]:
    """The newest records that end before `start` and do not overlap, newest first."""
    found: list[Record] = []
    for record in sorted(records, key=lambda item: (str(item.get("to")), str(item.get("from")), item.id), reverse=True):
        begin, end = day_of(record.get("from")), day_of(record.get("to"))
        if begin is not None and end is not None and end <= start and begin < start and len(found) < MOST_PERIODS:
            found.append(record)
            start = begin
    return found


def is_news(records: Sequence[Record], traffic: Traffic) -> bool:
    """Is this period beyond what is on record? Overlapping looks at the same readers are not all worth a file."""
    last = max((end for record in records if (end := day_of(record.get("to")))), default=None)
    same = any(
        day_of(record.get("from")) == traffic.start and day_of(record.get("to")) == traffic.end for record in records
    )
    return same or last is None or last <= traffic.start


def metric_path(name: str, traffic: Traffic) -> str:
    """`state/metrics/<name>-<from>-<to>.yaml`; a long name is cut and told apart by a hash."""
    period = f"{traffic.start.isoformat()}-{traffic.end.isoformat()}"
    room = MAX_LENGTH - len(period) - 1
    if len(name) > room:
        name = f"{name[: room - 7].rstrip('-')}-{hashlib.sha256(name.encode()).hexdigest()[:6]}"
    return f"{METRICS}{name}-{period}.yaml"


def metric(found: Engagement, traffic: Traffic, *, now: str, run: str) -> dict[str, Any]:
    """The record of one piece and period."""
    before = found.earlier[0] if found.earlier else None
    referrers = [
        {("term" if kind == "search" else "host"): name, "count": number}
        for (kind, name), number in sorted(found.page.referrers.items(), key=lambda item: (-item[1], item[0]))[:KEPT]
    ]
    data: dict[str, Any] = {
        "schema": "metric.v1",
        "content": found.piece.id,
        **_period(traffic, found.days),
        "path": found.page.path,
        **({"url": found.piece.get("url")} if found.piece.get("url") else {}),
        "views": found.page.views,
        "visitors": found.page.visitors,
        "referrers": referrers,
        "trend": found.trend.word.value,
    }
    if found.trend.change is not None:
        data["change"] = found.trend.change
    if before is not None:
        data["before"] = {"record": ref_of(before.path), **{key: before.get(key, 0) for key in ("views", "days")}}
    return data | _end(now, run, Trust.EXTERNAL if referrers else Trust.DERIVED)


def site_metric(traffic: Traffic, *, now: str, run: str) -> dict[str, Any]:
    """The record of all pages: what was searched and what was missed, to tell a rise next time."""
    return {
        "schema": "metric.v1",
        "title": "All pages",
        **_period(traffic, len(traffic.covered)),
        "views": traffic.views,
        "bots": traffic.bots,
        "searches": [{"term": term, "count": number} for term, number in _top(traffic.searches.items())],
        "missing": [{"path": path, "count": number} for path, number in _top(traffic.missing.items())],
    } | _end(now, run, Trust.EXTERNAL)


def _top(items: Any) -> list[tuple[str, int]]:
    return sorted(((name, number) for name, number in items if name), key=lambda item: (-item[1], item[0]))[:KEPT]


def _period(traffic: Traffic, days: int) -> dict[str, Any]:
    return {"from": traffic.start.isoformat(), "to": traffic.end.isoformat(), "days": days}


def _end(now: str, run: str, trust: Trust) -> dict[str, Any]:
    return {"source": "analytics.read", "recorded": now, "run": run, "trust": trust.value}
