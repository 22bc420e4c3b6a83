"""The event log, newest first, with what each event changed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import unified_diff
from typing import Any

from aios.dashboard.page import Page, log_page, paged
from aios.dashboard.source import Source
from aios.domain.event import Change, Event
from aios.domain.record import ref_of

SIZE = 100  # events of one page
_FILES = 12  # files of one event whose change is shown
_LINES = 60  # lines of one file's
_LONGEST = 60_000  # bytes of a file that is compared


def pages(source: Source) -> Iterator[Page]:
    parts = paged(source.events, SIZE)
    for number, part in enumerate(parts, 1):
        data = {
            "events": [told(source, event, diffs=True) for event in part],
            "number": number,
            "count": len(parts),
            "left": source.all_events - len(source.events),
        }
        yield Page(log_page(number), "log", "Log", "log.html", data)


def told(source: Source, event: Event, *, diffs: bool = False) -> dict[str, Any]:
    """An event as the templates tell it."""
    return {
        "at": event.at,
        "type": event.type,
        "subject": event.subject.removeprefix(f"{event.type}: "),
        "actor": event.actor or event.author,
        "run": event.trailer("Run"),
        "commit": event.commit,
        "records": [ref for ref in event.records if ref in source.refs][:8],
        "diffs": [_diff(source, change) for change in event.changes[:_FILES]] if diffs else [],
        "files": len(event.changes),
    }


def _diff(source: Source, change: Change) -> dict[str, Any]:
    before, after = _lines(source, change.before), _lines(source, change.after)
    what = "changed" if change.before and change.after else "new" if change.after else "removed"
    lines: list[tuple[str, str]] = []
    if before is not None and after is not None:
        compared = list(unified_diff(before, after, lineterm="", n=2))[2:]
        lines = [(_LOOK.get(line[:1], ""), line) for line in compared if line]
    return {"path": change.path, "ref": ref_of(change.path), "what": what, "lines": lines[:_LINES], "all": len(lines)}


_LOOK = {"+": "plus", "-": "minus", "@": "at"}


def _lines(source: Source, blob: str) -> Sequence[str] | None:
    """The lines of a text; none where it did not exist, None where it is no text or too long to compare."""
    if not blob:
        return []
    content = source.blob(blob)
    if content is None or len(content) > _LONGEST or b"\0" in content:
        return None
    return content.decode(errors="replace").splitlines()
