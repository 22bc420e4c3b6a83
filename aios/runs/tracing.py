"""A run's trace: the spans that were kept of it, and what its log tells of the rest.

Spans say how long things took. The log says what was decided, by whom and when, and which commit tells of it; where no
span was kept (the run is older, or its traces were pruned) it still says what was done and when that ended.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from aios.domain.event import StepStatus
from aios.domain.run import RunState
from aios.domain.span import Span, SpanKind, root_id
from aios.domain.wording import counted
from aios.runs.context import Context
from aios.runs.history import ASKED, REVERTED, Fact, fold
from aios.runs.recorded_trace import trace_of_record
from aios.runs.told import SECOND, Told, told_of
from aios.runs.traces import spans_of
from aios.runs.unfinished import INTERRUPTED, unfinished_spans
from aios.runs.waits import applications, gates, span_id, timers
from aios.trace.outline import COMMIT, OPEN, UNTIMED, WAIT, Trace, works

UNDO = "-undo"  # how the steps of what undoes an effect end


def trace_of(context: Context, run: str) -> Trace:
    """The trace of a run, finished or not. Raises UsageError for a run that nothing tells of."""
    told = told_of(context, run)
    state = fold(run, [each.fact for each in told])
    if not state.started_at:
        return trace_of_record(context, run)
    now = context.ticks() or int(context.clock().timestamp()) * SECOND
    kept = spans_of(context.git, run)
    spans = _with_commits([*kept, *unfinished_spans(context, run, now)], told)
    spans += _untimed(run, spans, told)
    spans += gates(context, run, state, told, spans, now)
    spans += applications(state, told, spans, now)
    spans += timers(context, state, spans, now)
    status = _status(state, spans)
    root = _root(state, status, told, spans, now)
    spans = [replace(span, start=max(span.start, root.start), end=max(span.end, root.start)) for span in spans]
    return Trace(run, status, root, (root, *spans), _notes(kept, spans))


def _status(state: RunState, spans: Sequence[Span]) -> str:
    """Where the run stands, in a word or two."""
    if state.cancelled:
        return "cancelled"
    if state.finished:
        return state.finished
    if any(step.question for step in state.steps.values()):
        return "asks you"
    if "open" in state.gates.values():
        return "waits for you"
    items = [item for step in state.steps.values() for item in step.items.values()]
    if any(item.status is StepStatus.FAILED for item in items):
        return "failed"
    if "rejected" in state.gates.values():
        return "rejected"
    waits = {span.attributes.get(WAIT) for span in spans if OPEN in span.attributes}
    return "approved" if "apply" in waits else "waits for its time" if "time" in waits else "under way"


# What the log adds to spans


def _with_commits(spans: Sequence[Span], told: Sequence[Told]) -> list[Span]:
    """The spans, each with the commit that tells of what it did."""
    by_key = {each.fact.key: each for each in told if each.fact.key and each.commit}
    by_place = {_place(each.fact): each for each in told if each.fact.step and each.commit}
    found = []
    for span in spans:
        fact = None
        if span.kind is SpanKind.STEP:
            fact = by_key.get(str(span.attributes.get("aios.key", ""))) or by_place.get(_place_of(span))
        elif span.kind is SpanKind.EFFECT:
            fact = _of_effect(span, told)
        added = {COMMIT: fact.commit} if fact and fact.commit else {}
        found.append(replace(span, attributes={**span.attributes, **added}) if added else span)
    return found


def _place(fact: Fact) -> tuple[str, int | None, int, str]:
    return fact.step, fact.item, fact.attempt, fact.status


def _place_of(span: Span) -> tuple[str, int | None, int, str]:
    item, attempt = span.attributes.get("aios.item"), span.attributes.get("aios.attempt")
    return (
        str(span.attributes.get("aios.step", "")),
        item if isinstance(item, int) else None,
        attempt if isinstance(attempt, int) else 0,
        str(span.attributes.get("aios.status", "")),
    )


def _of_effect(span: Span, told: Sequence[Told]) -> Told | None:
    """The first fact of the effect's step that is not older than the effect."""
    step = str(span.attributes.get("aios.step", ""))
    undoes = step.endswith(UNDO)
    facts = (each for each in told if (each.fact.type == REVERTED if undoes else each.fact.step == step))
    return next((each for each in facts if (undoes or each.fact.status) and each.at + SECOND > span.end), None)


def _untimed(run: str, spans: Sequence[Span], told: Sequence[Told]) -> list[Span]:
    """Steps that only the log tells of: skipped ones, and all of a run whose spans were never kept or pruned."""
    keys = {str(span.attributes.get("aios.key", "")) for span in spans if span.kind is SpanKind.STEP}
    places = {_place_of(span) for span in spans if span.kind is SpanKind.STEP}
    effects = {str(span.attributes.get("aios.step", "")) for span in spans if span.kind is SpanKind.EFFECT}
    found = []
    for number, each in enumerate(told):
        fact = each.fact
        if fact.type == REVERTED and not any(step.endswith(UNDO) for step in effects):
            undone = {UNTIMED: True, "aios.actor": each.actor, COMMIT: each.commit}
            identity = span_id(run, "log", number)
            found.append(Span(identity, root_id(run), SpanKind.EFFECT, "undo", each.at, each.at, "", undone))
        if not fact.step or not fact.status or fact.type == ASKED or fact.step in effects:
            continue
        if fact.key in keys or (not fact.key and _place(fact) in places):
            continue
        name = fact.step if fact.item is None else f"{fact.step}[{fact.item + 1}]"
        attributes = {
            UNTIMED: True,
            "aios.step": fact.step,
            "aios.attempt": fact.attempt,
            "aios.status": fact.status,
            "aios.event": fact.type,
            "aios.actor": each.actor,
            "aios.title": each.title.removeprefix(f"{fact.step}: "),
        }
        attributes |= {"aios.item": fact.item} if fact.item is not None else {}
        attributes |= {COMMIT: each.commit} if each.commit else {}
        attributes |= _usage(fact)
        found.append(
            Span(
                span_id(run, "log", number), root_id(run), SpanKind.STEP, name, each.at, each.at, fact.error, attributes
            )
        )
    return found


def _usage(fact: Fact) -> dict[str, Any]:
    names = {"input": "gen_ai.usage.input_tokens", "output": "gen_ai.usage.output_tokens", "usd": "aios.cost.usd"}
    return {name: fact.usage[key] for key, name in names.items() if fact.usage.get(key)}


# The whole


def _root(state: RunState, status: str, told: Sequence[Told], spans: Sequence[Span], now: int) -> Span:
    over = bool(state.finished or state.cancelled)
    moments = [each.at for each in told] + [span.start for span in spans] + [span.end for span in spans]
    start, end = min(moments), max(moments)
    # The log tells its moments to the second: a run began when its first work did, if that was within this second.
    began = min((span.start for span in spans if works(span)), default=start)
    start = began if start <= began < start + SECOND else start
    attributes = {
        "aios.run": state.id,
        "aios.workflow": state.workflow,
        "aios.subject": state.subject,
        "aios.status": status,
        "aios.trigger": str(state.trigger.get("kind", "")),
        "aios.base": state.base,
    } | ({} if over else {OPEN: True})
    return Span(
        root_id(state.id), "", SpanKind.RUN, state.workflow, start, end if over else max(end, now), "", attributes
    )


def _notes(kept: Sequence[Span], spans: Sequence[Span]) -> tuple[str, ...]:
    notes = []
    untimed = [span for span in spans if UNTIMED in span.attributes and span.attributes.get("aios.status") != "skipped"]
    if untimed and not kept:
        notes.append(
            "No spans were kept of this run: the log tells what was done and when it ended, not how long it took."
        )
    elif untimed:
        notes.append(f"Of {counted(len(untimed), 'step')} no span was kept; the log tells when they ended.")
    known = {span.id for span in spans}
    lost = sum(span.parent not in known and span.kind not in _TOP for span in spans)
    if lost:
        notes.append(f"The parents of {counted(lost, 'span')} were not kept; they are shown under the run itself.")
    stopped = [span.name for span in spans if span.attributes.get("aios.status") == INTERRUPTED]
    if stopped:
        notes.append(f"Interrupted, and started again by `aios resume`: {', '.join(stopped)}.")
    if any(span.end < span.start for span in spans):
        notes.append("The clock was set back while the run worked: some times are too short.")
    return tuple(notes)


_TOP = {SpanKind.RUN, SpanKind.STEP, SpanKind.GATE, SpanKind.EFFECT}
