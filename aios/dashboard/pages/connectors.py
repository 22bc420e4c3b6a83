"""Connectors: what each offers, how it is doing, what it waits for."""

from __future__ import annotations

from collections.abc import Iterator

from aios.dashboard.page import Page
from aios.dashboard.source import Source
from aios.runs.connections_told import capabilities


def pages(source: Source) -> Iterator[Page]:
    told = [
        {
            "name": each.name,
            "use": each.declared.use if each.declared else "",
            "mode": each.declared.mode if each.declared else "",
            "state": each.state,
            "offers": sorted(capabilities(each)),
            "waits": each.waits,
        }
        for each in source.connections
    ]
    yield Page("connectors.html", "connectors", "Connectors", "connectors.html", {"connectors": told})
