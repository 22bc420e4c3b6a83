"""Connectors: what each offers, how it is doing, what it waits for."""

from __future__ import annotations

from collections.abc import Iterator

from aios.dashboard.page import Page
from aios.dashboard.source import Source
from aios.runs.connections_told import capabilities

_DONE = """SELECT e.connector, count(*) AS n, sum(e.done) AS done, max(CASE WHEN e.done THEN r.decided END) AS last
  FROM effects e JOIN runs r ON r.run = e.run GROUP BY e.connector"""


def pages(source: Source) -> Iterator[Page]:
    done = {str(row["connector"]): row for row in source.ask(_DONE)}
    told = [
        {
            "name": each.name,
            "use": each.declared.use if each.declared else "",
            "mode": each.declared.mode if each.declared else "",
            "state": each.state if source.sees_services else "broken" if each.state == "broken" else "",
            "offers": sorted(capabilities(each)),
            "waits": each.waits if source.sees_services else (),
            "done": done.get(each.name),
        }
        for each in source.connections
    ]
    yield Page("connectors.html", "connectors", "Connectors", "connectors.html", {"connectors": told})
