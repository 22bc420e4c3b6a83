"""A run's spans as one ordered tree, however damaged what was kept of them is. Pure.

Whatever the spans say of their parents, the outline has each of them once, under the root, parents before children.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from aios.domain.span import Span, SpanKind

# What the reader of a run's facts adds to its spans. Nothing of it is kept.
OPEN = "aios.open"  # it has not ended: `end` is the moment of looking
UNTIMED = "aios.untimed"  # no span was kept: only the log tells of it, and only when it ended
WAIT = "aios.wait"  # what a gate span waits for: decision, question, apply or time
COMMIT = "aios.commit"  # the commit that tells of it


@dataclass(frozen=True, slots=True)
class Trace:
    """A run as it went. `spans` holds the root (kind RUN) and all below it, in any order; `status` is one word or two;
    `notes` say in plain sentences what the trace cannot tell, and why.
    """

    run: str
    status: str
    root: Span
    spans: tuple[Span, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Row:
    """A span in its place. `last` tells for every level down to it whether nothing follows there; the root has none."""

    span: Span
    last: tuple[bool, ...] = ()
    children: tuple[Row, ...] = field(default=(), repr=False)

    @property
    def depth(self) -> int:
        return len(self.last)


def outline(trace: Trace) -> Row:
    """The tree. Spans told twice count once; those whose parents are missing, or each other, hang under the root."""
    spans = {span.id: span for span in trace.spans if span.id != trace.root.id}
    below: dict[str, list[Span]] = {}
    for span in spans.values():
        known = span.parent in spans and span.parent != span.id
        below.setdefault(span.parent if known else trace.root.id, []).append(span)
    reached = _reached(below, trace.root.id)
    for span in spans.values():  # a circle of parents: cut it open where it is met first
        if span.id not in reached:
            below[span.parent].remove(span)
            below.setdefault(trace.root.id, []).append(span)
            reached |= {span.id} | _reached(below, span.id)
    return _row(trace.root, below)


def rows(top: Row) -> list[Row]:
    """Every row, each before its children."""
    found, waiting = [], [top]
    while waiting:
        row = waiting.pop()
        found.append(row)
        waiting += reversed(row.children)
    return found


def _reached(below: Mapping[str, Sequence[Span]], start: str) -> set[str]:
    found: set[str] = set()
    waiting = [start]
    while waiting:
        for span in below.get(waiting.pop(), ()):
            found.add(span.id)
            waiting.append(span.id)
    return found


def _row(root: Span, below: Mapping[str, list[Span]]) -> Row:
    """Built from the leaves up, without recursion: nobody promises how deep it is."""
    order: list[tuple[Span, tuple[bool, ...]]] = []
    waiting: list[tuple[Span, tuple[bool, ...]]] = [(root, ())]
    while waiting:
        span, last = waiting.pop()
        order.append((span, last))
        children = sorted(below.get(span.id, ()), key=_by_time)
        waiting += [(child, (*last, place == len(children) - 1)) for place, child in enumerate(children)][::-1]
    made: dict[str, Row] = {}
    for span, last in reversed(order):
        made[span.id] = Row(span, last, tuple(made[child.id] for child in sorted(below.get(span.id, ()), key=_by_time)))
    return made[root.id]


def _by_time(span: Span) -> tuple[int, int, int]:
    # The log tells its moments to the second: what only it tells of came before what else began in that moment, and a
    # wait after the work that ended then. Equal ones stay as they were told.
    rank = 0 if is_set(span, UNTIMED) else 2 if span.kind is SpanKind.GATE else 1
    return (span.start, rank, span.end if rank == 2 else -span.end)


def seconds(span: Span) -> float:
    """How long it took. A clock that was set back in between makes it nothing, never less."""
    return max(0, span.end - span.start) / 1e9


def text_of(span: Span, name: str) -> str:
    value = span.attributes.get(name, "")
    return value if isinstance(value, str) else str(value)


def number_of(span: Span, name: str) -> float:
    """A number that an attribute holds; nothing where it holds something else."""
    value: Any = span.attributes.get(name, 0)
    return value if isinstance(value, int | float) and value == value and abs(value) != float("inf") else 0  # noqa: PLR0124


def is_set(span: Span, name: str) -> bool:
    return span.attributes.get(name) is True


def works(span: Span) -> bool:
    """Is something done in it, at times that are known?"""
    return span.kind not in {SpanKind.RUN, SpanKind.GATE} and not is_set(span, UNTIMED)


Interval = tuple[int, int]


def union(intervals: Iterable[Interval]) -> list[Interval]:
    """Intervals joined where they touch or overlap, in order."""
    joined: list[Interval] = []
    for start, end in sorted(each for each in intervals if each[1] >= each[0]):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        else:
            joined.append((start, end))
    return joined


def without(intervals: Sequence[Interval], taken: Sequence[Interval]) -> list[Interval]:
    """What of some intervals lies in none of the others. Both as `union` gives them."""
    left: list[Interval] = []
    for start, end in intervals:
        at = start
        for other_start, other_end in taken:
            if other_end <= at or other_start >= end:
                continue
            if other_start > at:
                left.append((at, other_start))
            at = max(at, other_end)
        if at < end:
            left.append((at, end))
    return left
