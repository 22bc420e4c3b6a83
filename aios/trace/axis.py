"""The time axis of a trace: working time to scale, long gaps folded into narrow stripes. Pure."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass

from aios.domain.span import Span, SpanKind
from aios.trace.outline import WAIT, Interval, Trace, text_of, union, without, works

_LONG = 0.05  # a gap is folded where it is longer than this share of the working time
_LEAST = 50_000_000  # … and than this, in nanoseconds
_STRIPE = 0.05  # of the axis, one fold; all of them together take no more than
_ALL_STRIPES = 0.4


@dataclass(frozen=True, slots=True)
class Fold:
    """A gap in which nothing worked. `left` and `right` are places on the axis; `why` what it waited for mostly:
    `decision`, `question`, `time`, or nothing that is known.
    """

    start: int
    end: int
    left: float
    right: float
    why: str

    @property
    def seconds(self) -> float:
        return (self.end - self.start) / 1e9


@dataclass(frozen=True, slots=True)
class Axis:
    """`moments[i]` lies at `places[i]`, between 0 and 1; between them the axis is straight."""

    moments: tuple[int, ...]
    places: tuple[float, ...]
    folds: tuple[Fold, ...]
    working: float  # seconds of what is not folded

    @classmethod
    def of(cls, trace: Trace) -> Axis:
        root = trace.root
        whole = [(root.start, max(root.start, root.end))]
        busy = union((span.start, max(span.start, span.end)) for span in trace.spans if works(span))
        gaps = without(whole, busy)
        gates = [span for span in trace.spans if span.kind is SpanKind.GATE]
        return _axis(whole[0], gaps, sum(end - start for start, end in busy), gates)

    def at(self, moment: int) -> float:
        """Where a moment lies, from 0 to 1."""
        if moment <= self.moments[0]:
            return 0.0
        if moment >= self.moments[-1]:
            return 1.0
        right = bisect_right(self.moments, moment)
        begin, end = self.moments[right - 1], self.moments[right]
        share = (moment - begin) / (end - begin)
        return self.places[right - 1] + share * (self.places[right] - self.places[right - 1])

    def ticks(self, count: int = 5) -> list[tuple[float, float]]:
        """Round numbers of seconds of what is not folded, and their places."""
        if self.working <= 0:
            return []
        step = _round(self.working / count)
        found, passed = [], 0.0
        folded = {(fold.start, fold.end) for fold in self.folds}
        for index in range(len(self.moments) - 1):
            begin, end = self.moments[index], self.moments[index + 1]
            if (begin, end) in folded:
                continue
            length = (end - begin) / 1e9
            first = int(passed / step) + (0 if passed == 0 else 1)
            while first * step < passed + length:
                share = (first * step - passed) / length
                found.append((first * step, self.places[index] + share * (self.places[index + 1] - self.places[index])))
                first += 1
            passed += length
        return found


def _axis(whole: Interval, gaps: list[Interval], busy: int, gates: list[Span]) -> Axis:
    long = [gap for gap in gaps if gap[1] - gap[0] > max(_LONG * busy, _LEAST if busy else 0)]
    folded = sum(end - start for start, end in long)
    straight = max(0, whole[1] - whole[0] - folded)
    stripes = min(_STRIPE * len(long), _ALL_STRIPES) if straight else 1.0
    stripe = stripes / len(long) if long else 0.0
    scale = (1.0 - stripes) / straight if straight else 0.0
    moments, places, folds = [whole[0]], [0.0], []
    for start, end in long:
        if start > moments[-1]:
            places.append(places[-1] + (start - moments[-1]) * scale)
            moments.append(start)
        left = places[-1]
        folds.append(Fold(start, end, left, min(1.0, left + stripe), _why((start, end), gates)))
        places.append(min(1.0, left + stripe))
        moments.append(end)
    if whole[1] > moments[-1] or len(moments) == 1:
        places.append(1.0)
        moments.append(max(whole[1], moments[-1] + 1))
    return Axis(tuple(moments), tuple(places), tuple(folds), straight / 1e9)


def _why(gap: Interval, gates: list[Span]) -> str:
    """What was awaited for most of a gap."""
    waited: dict[str, int] = {}
    for gate in gates:
        shared = min(gap[1], gate.end) - max(gap[0], gate.start)
        if shared > 0:
            why = text_of(gate, WAIT)
            waited[why] = waited.get(why, 0) + shared
    most = max(waited, key=lambda why: waited[why], default="")
    return most if most and waited[most] * 2 >= gap[1] - gap[0] else ""


def _round(amount: float) -> float:
    """The nearest number at or above that people count in: 1, 2 or 5 times a power of ten; above a minute, minutes."""
    for unit in (3600.0, 60.0):
        if amount > unit:
            return unit * _round(amount / unit)
    size = 1.0
    while size > amount:
        size /= 10
    while size * 10 <= amount:
        size *= 10
    return next(size * times for times in (1, 2, 5, 10) if size * times >= amount)
