"""What a run waited for: a decision, an answer, a moment. Spans of it are made from the log; none are kept."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from aios.domain.event import OPERATOR
from aios.domain.keys import key_of
from aios.domain.names import run_record_path
from aios.domain.run import RunState
from aios.domain.span import Span, SpanKind, root_id
from aios.errors import AiosError
from aios.proposals.record import verdict_of
from aios.runs.context import Context
from aios.runs.definitions import load
from aios.runs.duration import span as spelled
from aios.runs.history import APPROVED
from aios.runs.told import SECOND, Told, nanoseconds
from aios.store.documents import parse
from aios.trace.outline import COMMIT, OPEN, WAIT


def span_id(run: str, *parts: Any) -> str:
    """The id of a span that is made while reading: the same each time."""
    return key_of("span", run, *parts).removeprefix("sha256:")[:16]


@dataclass(slots=True)
class _Wait:
    step: str
    kind: str
    begun: Told
    attributes: dict[str, Any] = field(default_factory=dict)


def gates(
    context: Context, run: str, state: RunState, told: Sequence[Told], spans: Sequence[Span], now: int
) -> list[Span]:
    """Each decision and each answer that was or is awaited: since when, until when, what was said."""
    opened: dict[tuple[str, str], _Wait] = {}
    closed: list[tuple[_Wait, Told | None]] = []

    def close(keys: Iterable[tuple[str, str]], by: Told, decision: str) -> None:
        for key in [key for key in keys if key in opened]:
            wait = opened.pop(key)
            who = by.actor or OPERATOR
            wait.attributes |= {"aios.decision": decision, "aios.decided_by": who, COMMIT: by.commit}
            wait.attributes |= {"aios.reason": reason} if (reason := _reason(by)) else {}
            closed.append((wait, by))

    for each in told:
        decision, question = ("decision", each.fact.step), ("question", each.fact.step)
        match each.fact.type:
            case "proposal.opened" | "proposal.refreshed":
                wait = opened.setdefault(decision, _Wait(each.fact.step, "decision", each))
                wait.attributes |= _verdict(context, state, each)
            case "question.asked":
                opened.setdefault(question, _Wait(each.fact.step, "question", each, _question(each)))
            case "question.answered":
                if question in opened:
                    opened[question].attributes["aios.answer"] = str(each.data.get("answer", ""))
                close([question], each, "answered")
            case "proposal.approved" | "proposal.rejected":
                close([decision, question], each, each.fact.type.partition(".")[2])
            case "proposal.revision-requested":
                close(list(opened), each, "sent back")
            case "run.cancelled":
                close(list(opened), each, "cancelled")
            case _:
                pass
    over = bool(state.finished or state.cancelled)
    closed += [(wait, None) for wait in opened.values() if not over]
    return [_gate_span(run, number, wait, end, spans, now) for number, (wait, end) in enumerate(closed)]


def _gate_span(run: str, number: int, wait: _Wait, ended: Told | None, spans: Sequence[Span], now: int) -> Span:
    """Facts are told to the second: the wait begins with the end of the work within that second."""
    first = wait.begun.at
    ends = [span.end for span in spans if first <= span.end < first + SECOND and span.kind is SpanKind.STEP]
    start = max([first, *ends])
    last = ended.at if ended else now
    attributes = {WAIT: wait.kind, "aios.step": wait.step, **wait.attributes} | ({} if ended else {OPEN: True})
    identity = span_id(run, "gate", wait.kind, wait.step, number)
    return Span(identity, root_id(run), SpanKind.GATE, wait.step, start, max(start, last), "", attributes)


def _verdict(context: Context, state: RunState, told: Told) -> dict[str, Any]:
    """What the policy said, as the run record had it when the proposal was made."""
    found: dict[str, Any] = {"aios.proposal": told.commit}
    path = run_record_path(state.id, state.started_at)
    content = context.git.read_blob(f"{told.commit}:{path}") if told.commit else None
    document = parse(path, content)[0] if content is not None else None
    if document is None:
        return found
    return found | verdict_attributes(document.data)


def verdict_attributes(record: Mapping[str, Any]) -> dict[str, Any]:
    verdict = verdict_of(record)
    return {
        "aios.policy.verdict": verdict.decision.value,
        "aios.policy.rule": verdict.rule,
        "aios.policy.why": verdict.why,
        "aios.policy.matched": [f"{name}: {decision.value} ({why})" for name, decision, why in verdict.matched],
    }


def _question(told: Told) -> dict[str, Any]:
    options = told.data.get("options")
    return {
        "aios.title": str(told.data.get("text", "")),
        "aios.options": [str(each) for each in options] if isinstance(options, list) else [],
        "aios.asked": told.commit,
    }


def _reason(told: Told) -> str:
    return str(told.data.get("reason") or told.data.get("note") or "")


def timers(context: Context, state: RunState, spans: Sequence[Span], now: int) -> list[Span]:
    """The time between a step that others wait for and one that comes so long after it."""
    try:
        workflow = load(context, state.workflow, state.base).workflow
    except AiosError:
        return []  # the definition is gone or broken: that is told elsewhere
    found = []
    for step in workflow.steps.values():
        ends = [_ended(state, need, spans) for need in step.needs] if step.after else []
        if not ends or 0 in ends:
            continue
        start, due = max(ends), max(ends) + int(step.after * SECOND)
        begun = [span.start for span in spans if span.attributes.get("aios.step") == step.name and span.start >= start]
        over = state.cancelled or state.finished
        if not begun and over:
            continue
        end = min(begun) if begun else max(start, min(now, due))
        attributes = {
            WAIT: "time",
            "aios.step": step.name,
            "aios.title": f"{spelled(step.after)} after {', '.join(step.needs)}",
            "aios.due": datetime.fromtimestamp(due // SECOND, UTC).isoformat(),
        } | ({} if begun else {OPEN: True})
        identity = span_id(state.id, "time", step.name)
        found.append(Span(identity, root_id(state.id), SpanKind.GATE, step.name, start, end, "", attributes))
    return found


def applications(state: RunState, told: Sequence[Told], spans: Sequence[Span], now: int) -> list[Span]:
    """The time between an approval and the first effect that it allowed; less than a second is none."""
    found = []
    for number, each in enumerate(told):
        if each.fact.type != APPROVED or not each.data.get("effects"):
            continue
        begun = [span.start for span in spans if span.kind is SpanKind.EFFECT and span.start >= each.at]
        begun += [later.at for later in told[number + 1 :] if later.fact.step and later.fact.status]
        if not begun and (state.cancelled or state.finished):
            continue
        end = min(begun, default=now)
        if end - each.at < SECOND:
            continue
        attributes: dict[str, Any] = {
            WAIT: "apply",
            "aios.title": "what was approved waits for `aios apply`",
            COMMIT: each.commit,
        }
        attributes |= {} if begun else {OPEN: True}
        identity = span_id(state.id, "apply", number)
        found.append(Span(identity, root_id(state.id), SpanKind.GATE, "apply", each.at, end, "", attributes))
    return found


def _ended(state: RunState, step: str, spans: Sequence[Span]) -> int:
    """When a step ended; 0 where it has not."""
    items = state.steps[step].items.values() if step in state.steps else ()
    told = [item.last.at for item in items if item.last]
    told += [state.decided[step]] if state.gates.get(step) == "approved" else []
    if not told:
        return 0
    at = nanoseconds(max(told))
    ends = [s.end for s in spans if s.attributes.get("aios.step") == step and at <= s.end < at + SECOND]
    return max([at, *ends])
