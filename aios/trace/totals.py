"""What a run took, all together."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from aios.domain.span import Span, SpanKind
from aios.trace.outline import (
    OPEN,
    WAIT,
    Interval,
    Trace,
    is_set,
    number_of,
    text_of,
    union,
    without,
    works,
)

INPUT, OUTPUT = "gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens"
USD, HIT = "aios.cost.usd", "aios.cache.hit"


@dataclass(frozen=True, slots=True)
class Totals:
    """Seconds, tokens and US dollars. Time is counted once, however much went on in it: `working` where something was
    done, `waiting` where nothing was and a decision, an answer or a moment was awaited, `idle` the rest.

    `tokens_in`, `tokens_out` and `usd` were spent; `tokens_saved` were answered from the cache instead.
    """

    whole: float
    working: float
    waiting: float
    waiting_operator: float
    idle: float
    spans: int
    steps: int
    calls: int
    hits: int
    tokens_in: int
    tokens_out: int
    tokens_saved: int
    usd: float
    errors: int
    effects: int
    untimed: int
    open: bool


def totals(trace: Trace) -> Totals:
    spans = list({span.id: span for span in trace.spans}.values())
    whole = union([(trace.root.start, trace.root.end)])
    working = union(_interval(span) for span in spans if works(span))
    gates = [span for span in spans if span.kind is SpanKind.GATE]
    waiting = without(union(map(_interval, gates)), working)
    operator = without(union(_interval(span) for span in gates if text_of(span, WAIT) != "time"), working)
    calls = [span for span in spans if span.kind is SpanKind.CALL]
    hits = [span for span in calls if is_set(span, HIT)]
    # Where no calls were kept, a step may still tell what its models used.
    spent = [span for span in calls if not is_set(span, HIT)] or [s for s in spans if s.kind is SpanKind.STEP]
    return Totals(
        whole=_length(whole),
        working=_length(working),
        waiting=_length(waiting),
        waiting_operator=_length(operator),
        idle=_length(without(without(whole, working), union(waiting))),
        spans=len(spans),
        steps=sum(span.kind is SpanKind.STEP for span in spans),
        calls=len(calls),
        hits=len(hits),
        tokens_in=_sum(spent, INPUT),
        tokens_out=_sum(spent, OUTPUT),
        tokens_saved=_sum(hits, INPUT) + _sum(hits, OUTPUT),
        usd=round(sum(number_of(span, USD) for span in spent), 6),
        errors=sum(bool(span.error) for span in spans if span.kind in {SpanKind.STEP, SpanKind.EFFECT}),
        effects=sum(span.kind is SpanKind.EFFECT for span in spans),
        untimed=sum(span.kind is SpanKind.STEP and not works(span) for span in spans),
        open=is_set(trace.root, OPEN),
    )


def _interval(span: Span) -> Interval:
    return span.start, max(span.start, span.end)


def _length(intervals: Iterable[Interval]) -> float:
    return sum(end - start for start, end in intervals) / 1e9


def _sum(spans: Iterable[Span], name: str) -> int:
    return int(sum(number_of(span, name) for span in spans))
