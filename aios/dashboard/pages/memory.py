"""Memory: the search, and the notes by folder."""

from __future__ import annotations

from collections.abc import Iterator

from aios.dashboard.page import Page
from aios.dashboard.source import Row, Source

SHOWN = 200  # notes of a folder that are listed; the search finds the others
_NOTES = """SELECT ref, title, trust, json_extract(data, '$.created') AS created,
  json_extract(data, '$.expires') AS expires FROM records WHERE kind = 'note' ORDER BY created DESC, ref"""


def pages(source: Source) -> Iterator[Page]:
    folders: dict[str, list[Row]] = {}
    for row in source.ask(_NOTES):
        parts = str(row["ref"]).split("/")
        folders.setdefault(parts[1] if len(parts) > 2 else "notes", []).append(row)
    told = [(name, rows[:SHOWN], len(rows)) for name, rows in sorted(folders.items())]
    yield Page("memory.html", "memory", "Memory", "memory.html", {"folders": told})
