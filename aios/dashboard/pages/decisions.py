"""Decisions: those on record, those on proposals, and the questions that were asked."""

from __future__ import annotations

from collections.abc import Iterator

from aios.dashboard.page import Page
from aios.dashboard.source import Source

_RECORDED = """SELECT ref, title, status, json_extract(data, '$.decided') AS decided,
  json_extract(data, '$.why') AS why FROM records WHERE kind = 'decision' ORDER BY decided DESC, ref"""
_MADE = """SELECT run, workflow, subject, status, decided, decided_by, reason, verdict FROM runs
  WHERE decided <> '' ORDER BY decided DESC LIMIT 500"""


def pages(source: Source) -> Iterator[Page]:
    data = {
        "recorded": source.ask(_RECORDED),
        "made": source.ask(_MADE),
        "questions": source.ask("SELECT * FROM questions ORDER BY asked DESC"),
    }
    yield Page("decisions.html", "decisions", "Decisions", "decisions.html", data)
