"""An event → its row, and the records that it touched."""

from __future__ import annotations

from aios.domain.event import Event
from aios.projections.folds import Rows
from aios.projections.folds.values import name


def fold(seq: int, event: Event) -> Rows:
    told = (
        seq,
        event.commit,
        event.at,
        event.type,
        event.subject,
        event.body,
        event.actor,
        event.author,
        event.author_email,
        event.trailer("Run"),
        event.trailer("Step"),
        _number(event.trailer("Item")),
        _number(event.trailer("Attempt")),
        event.trailer("Status"),
        event.trailer("Key"),
        int(event.mainline),
    )
    return [("events", told), *(("event_records", (seq, name(ref))) for ref in event.records)]


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None
