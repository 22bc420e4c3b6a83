"""The event log: commits told as events, in an order that never changes once told.

The order is `log_order`'s, the telling `log_stream`'s. A read that begins at a commit of the first-parent chain is
exactly the tail of a read from the beginning, so whoever remembers how far they came can go on from there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice

from aios.domain.event import Event
from aios.errors import UsageError
from aios.store.git import Git
from aios.store.log_order import order, parents_of
from aios.store.log_stream import stream
from aios.store.trees import changed_paths

_FIRST_LOOK = 256  # commits told at first when the newest are asked for; then twice as many, and so on


def read_events(
    git: Git, *, since: str | None = None, until: str = "HEAD", run: str = "", newer: str = ""
) -> Iterator[Event]:
    """Events that `until` contains and `since` does not, oldest first.

    With `run` only that run's; with `newer` (ISO 8601) only those committed since.

    Raises CorruptError where git cannot read a commit.
    """
    tip = git.rev(until)
    if tip is None:
        return
    parents = parents_of(git, tip, since, newer=newer)
    wanted: Iterator[tuple[str, bool]] = order(parents, tip)
    if run:
        # Git searches messages quicker than we read trailers; what merely mentions the run is sorted out below.
        bounds = [tip, f"^{since}"] if since else [tip]
        named = set(git.text("rev-list", "--fixed-strings", f"--grep=Aios-Run: {run}", *bounds, "--").split())
        wanted = (each for each in wanted if each[0] in named)
    for event in stream(git, wanted, parents):
        if not run or (event.trailer("Run") == run and not event.is_quoted):
            yield event


@dataclass(frozen=True, slots=True)
class LogFilter:
    """What is asked of the log; what is empty is not asked. Times are ISO 8601, a date alone is its whole day."""

    record: str = ""
    run: str = ""
    actor: str = ""
    type: str = ""
    since: str = ""
    until: str = ""

    def __post_init__(self) -> None:
        for text in filter(None, (self.since, self.until)):
            if _moment(text) is None:
                raise UsageError(f"`{text[:40]}` is no date", "write 2026-03-02 or 2026-03-02T09:30")

    def matches(self, event: Event) -> bool:
        return (
            (not self.record or self.record in event.records)
            and (not self.run or event.trailer("Run") == self.run)
            and (not self.actor or self.actor in {event.author, event.author_email} or _acts(event.actor, self.actor))
            and (not self.type or self.type in event.types)
            and (not (self.since or self.until) or self._spans(_moment(event.at)))
        )

    def _spans(self, moment: float | None) -> bool:
        """A commit whose date nobody can read is at no time that could be asked for."""
        since, until = _moment(self.since), _moment(self.until, end=True)
        return moment is not None and (since is None or moment >= since) and (until is None or moment <= until)


def newest_events(git: Git, ref: str, wanted: LogFilter, *, limit: int) -> Iterator[Event]:
    """Matching events, newest first, reading no more of the history than it takes."""
    yield from islice(_backwards(git, ref, wanted), limit)


def _backwards(git: Git, ref: str, wanted: LogFilter) -> Iterator[Event]:
    tip = git.rev(ref)
    if tip is None:
        return
    if wanted.run:
        yield from reversed([each for each in read_events(git, until=tip, run=wanted.run) if wanted.matches(each)])
        return
    parents = parents_of(git, tip)
    every = list(order(parents, tip))
    size = _FIRST_LOOK
    while every:
        part, every = every[-size:], every[:-size]
        yield from reversed([event for event in stream(git, part, parents) if wanted.matches(event)])
        size *= 2


def event_between(git: Git, before: str, after: str) -> Event:
    """The difference between two commits as if it were one event."""
    return Event(after, (before,), "", "", "", "", "", True, (), (), {}, tuple(changed_paths(git, before, after)))


def _acts(actor: str, wanted: str) -> bool:
    """`agent` and `agent:writer` fit `agent:writer@3`; `agent:write` does not."""
    return actor == wanted or actor.startswith((f"{wanted}:", f"{wanted}@"))


def _moment(text: str, *, end: bool = False) -> float | None:
    """Seconds since 1970; a date alone is its first moment (UTC), or its last. None for what is no date."""
    whole = text if len(text) > len("2026-03-02") else f"{text}T{'23:59:59' if end else '00:00:00'}"
    try:
        found = datetime.fromisoformat(whole)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None
