"""Pieces, and how they are read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from aios.dashboard.page import Page
from aios.dashboard.source import Source, by

_PIECES = """SELECT ref, id, title, status, trust, json_extract(data, '$.url') AS url,
  json_extract(data, '$.published') AS published FROM records WHERE kind = 'content' ORDER BY published DESC, ref"""


def pieces(source: Source) -> list[dict[str, Any]]:
    """Each with its views by period, oldest first, and what the newest period says of its trend."""
    metrics = by(source.ask("SELECT * FROM metrics WHERE content <> '' ORDER BY first_day"), "content")
    told = []
    for row in source.ask(_PIECES):
        periods = metrics.get(str(row["id"]), [])
        views = [int(each["views"] or 0) for each in periods]
        last = periods[-1] if periods else {}
        told.append({**row, "views": views, "trend": str(last.get("trend") or ""), "change": last.get("change")})
    return told


def site_views(source: Source) -> list[tuple[str, int, int]]:
    """(first day, views, visitors) of the whole site by period, oldest first."""
    rows = source.ask("SELECT first_day, views, visitors FROM metrics WHERE content = '' ORDER BY first_day")
    return [(str(row["first_day"]), int(row["views"] or 0), int(row["visitors"] or 0)) for row in rows]


def pages(source: Source) -> Iterator[Page]:
    data = {"pieces": pieces(source), "site": site_views(source)[-26:]}
    yield Page("content.html", "content", "Content", "content.html", data)
