"""Traces that no run of ours would leave, and those that every run leaves, made by hand."""

from __future__ import annotations

from typing import Any

from aios.domain.span import Span, SpanKind, root_id
from aios.trace.outline import OPEN, WAIT, Trace

RUN = "publish-content/a-fine-topic/01m83na8zgh8kgemmy5tdkmdth"
ROOT = root_id(RUN)
NINE = 1_793_610_000  # 2026-11-02 09:00:00 UTC, in seconds
SECOND = 1_000_000_000


def at(seconds: float) -> int:
    return NINE * SECOND + round(seconds * SECOND)


def span(
    name: str,
    start: float,
    end: float,
    *,
    kind: SpanKind = SpanKind.STEP,
    parent: str = ROOT,
    identity: str = "",
    error: str = "",
    **attributes: Any,
) -> Span:
    """A span by seconds after nine; attribute names have `__` for `.`, as in `aios__title`."""
    own = identity or f"{abs(hash((name, start, end))) % 16**16:016x}"
    told = {key.replace("__", "."): value for key, value in attributes.items()}
    return Span(own, parent, kind, name, at(start), at(end), error, told)


def trace(*spans: Span, status: str = "done", end: float | None = None, notes: tuple[str, ...] = ()) -> Trace:
    last = max([each.end for each in spans], default=at(1)) if end is None else at(end)
    told = {} if status == "done" else {OPEN: True}
    root = Span(ROOT, "", SpanKind.RUN, "publish-content", at(0), last, "", told)
    return Trace(RUN, status, root, (root, *spans), notes)


def ordinary() -> Trace:
    """Two steps side by side, one of them failing once; a model, a tool, a search; a day's wait; an effect."""
    plan = span("plan", 0.1, 1.1, identity="a" * 16, aios__title="three parts", aios__commit="c0ffee" + "0" * 34)
    agent = span("planner@1", 0.2, 1.0, kind=SpanKind.AGENT, parent=plan.id, aios__tier="small", aios__confidence=0.8)
    call = span(
        "chat tiny",
        0.3,
        0.9,
        kind=SpanKind.CALL,
        parent=agent.id,
        gen_ai__request__model="tiny",
        gen_ai__usage__input_tokens=1200,
        gen_ai__usage__output_tokens=300,
        aios__cost__usd=0.0123,
    )
    hit = span(
        "chat tiny",
        0.9,
        0.901,
        kind=SpanKind.CALL,
        parent=agent.id,
        gen_ai__request__model="tiny",
        gen_ai__usage__input_tokens=700,
        gen_ai__usage__output_tokens=100,
        aios__cache__hit=True,
    )
    failed = span("dig[1]", 1.2, 2.2, error="the source is gone", aios__status="failed", aios__attempt=1)
    again = span("dig[1]", 3.2, 4.2, aios__attempt=2, aios__title="found it")
    beside = span("dig[2]", 1.2, 2.7, aios__title="found more")
    recall = span(
        "recall", 1.3, 1.4, kind=SpanKind.RECALL, parent=beside.id, aios__recall__query="a topic", aios__recall__hits=3
    )
    gate = span(
        "approve",
        4.2,
        86_404.2,
        kind=SpanKind.GATE,
        aios__policy__verdict="ask",
        aios__policy__why="it is published",
        aios__decision="approved",
        aios__decided_by="operator:me@test.example",
        **{WAIT.replace(".", "__"): "decision"},
    )
    effect = span("cms.publish", 86_405, 86_405.5, kind=SpanKind.EFFECT, aios__effect__target="https://test.example/a/")
    return trace(plan, agent, call, hit, failed, again, beside, recall, gate, effect)


def huge(count: int = 500) -> Trace:
    """Many items, each with an agent, a search and two calls."""
    spans: list[Span] = []
    for number in range(count // 5):
        start = number * 0.4
        step = span(f"dig[{number + 1}]", start, start + 1.5, aios__title=f"part {number + 1}", aios__attempt=1)
        agent = span("scout@3", start, start + 1.4, kind=SpanKind.AGENT, parent=step.id, aios__tier="large")
        search = span("recall", start + 0.1, start + 0.2, kind=SpanKind.RECALL, parent=agent.id, aios__recall__hits=5)
        calls = [
            span(
                f"chat big {turn}",
                start + 0.3 + turn / 2,
                start + 0.7 + turn / 2,
                kind=SpanKind.CALL,
                parent=agent.id,
                gen_ai__request__model="big",
                gen_ai__usage__input_tokens=900,
                gen_ai__usage__output_tokens=120,
                aios__cost__usd=0.002,
            )
            for turn in range(2)
        ]
        spans += [step, agent, search, *calls]
    return trace(*spans)
