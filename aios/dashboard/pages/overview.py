"""The first page: what waits, how the company does, what happened last."""

from __future__ import annotations

from collections.abc import Iterator

from aios.dashboard.page import Page
from aios.dashboard.pages.content import pieces, site_views
from aios.dashboard.pages.log import told
from aios.dashboard.source import Source, standing

FIRST, LAST = 5, 12  # things that wait, and events, that are shown here


def pages(source: Source) -> Iterator[Page]:
    published = [piece for piece in pieces(source) if piece["status"] == "published"]
    done = source.ask("SELECT count(*) AS n, sum(done) AS done FROM effects")[0]
    yield Page(
        "index.html",
        "overview",
        source.name,
        "overview.html",
        {
            "standing": standing(source),
            "waiting": [item for item in source.waiting if item.needs_you][:FIRST],
            "more": max(0, sum(item.needs_you for item in source.waiting) - FIRST),
            "open": len({item.run for item in source.waiting if item.run}),
            "runs": len(source.runs),
            "published": len(published),
            "views": site_views(source)[-1:],
            "month": float((source.costs.get("month") or {}).get("usd") or 0),
            "effects": (int(done["done"] or 0), int(done["n"] or 0)),
            "unsettled": sum(each.unsettled for each in source.connections),
            "pieces": sorted(published, key=lambda piece: -(piece["views"][-1] if piece["views"] else 0))[:6],
            "events": [told(source, event) for event in source.events[:LAST]],
        },
    )
