"""The trace of a run whose own commits main does not have: it was merged into one commit, or its history was cut.

The run record stays. It tells when the run started, when its steps ended, what was decided and what it cost.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aios.domain.names import run_record_path
from aios.domain.span import Span, SpanKind, root_id
from aios.errors import UsageError
from aios.runs.context import Context
from aios.runs.told import nanoseconds
from aios.runs.traces import spans_of
from aios.runs.waits import span_id, verdict_attributes
from aios.store.documents import parse
from aios.trace.outline import OPEN, UNTIMED, WAIT, Trace

_OVER = frozenset({"done", "failed", "rejected", "cancelled", "reverted"})


def trace_of_record(context: Context, run: str) -> Trace:
    """The trace, from the run record on main and what spans there are. Raises UsageError where there is no record."""
    record = _record(context, run)
    kept = spans_of(context.git, run)
    timed = {str(span.attributes.get("aios.step", "")) for span in kept}
    spans = [*kept, *_steps(run, record, timed), *_gate(run, record)]
    started = nanoseconds(str(record["started"]))
    moments = [started, *(span.end for span in spans)]
    moments += [nanoseconds(str(record[name])) for name in ("finished", "decided") if record.get(name)]
    status = str(record.get("status", ""))
    root = Span(
        root_id(run),
        "",
        SpanKind.RUN,
        run.split("/", maxsplit=1)[0],
        started,
        max(moments),
        "",
        _attributes(run, record),
    )
    notes = ["The run's own commits are not in the log: what is known of it is its record."]
    if not kept:
        notes.append("No spans were kept of it: its steps have an end, but no duration.")
    return Trace(run, status, root, (root, *spans), tuple(notes))


def _record(context: Context, run: str) -> Mapping[str, Any]:
    git, name = context.git, f"/{run.split('/')[2]}.yaml"
    listed = git.text("ls-tree", "-r", "-z", "--name-only", context.main, run_record_path(run, "")[:11]).split("\0")
    path = next((path for path in listed if path.endswith(name)), "")
    content = git.read_blob(f"{context.main}:{path}") if path else None
    document = parse(path, content)[0] if content is not None else None
    if document is None or not document.data.get("started"):
        raise UsageError(f"there is no run {run}", "`aios runs --all` lists them")
    return document.data


def _attributes(run: str, record: Mapping[str, Any]) -> dict[str, Any]:
    workflow, subject, _ = run.split("/")
    status = str(record.get("status", ""))
    cost = record.get("cost") if isinstance(record.get("cost"), Mapping) else {}
    told = {"aios.run": run, "aios.workflow": workflow, "aios.subject": subject, "aios.status": status}
    spent = {"aios.cost.usd": cost.get("usd", 0), "aios.tokens": cost.get("tokens", 0)} if cost else {}
    return {**told, **spent} | ({} if status in _OVER else {OPEN: True})


def _steps(run: str, record: Mapping[str, Any], timed: set[str]) -> list[Span]:
    found = []
    steps = record.get("steps")
    for name, step in steps.items() if isinstance(steps, Mapping) else ():
        if name in timed or not isinstance(step, Mapping) or not step.get("ended"):
            continue
        at = nanoseconds(str(step["ended"]))
        attributes = {UNTIMED: True, "aios.step": name, "aios.status": str(step.get("status", ""))}
        attributes |= {"aios.attempts": step["attempts"]} if step.get("attempts") else {}
        identity = span_id(run, "record", name)
        found.append(
            Span(identity, root_id(run), SpanKind.STEP, name, at, at, str(step.get("error") or ""), attributes)
        )
    return found


def _gate(run: str, record: Mapping[str, Any]) -> list[Span]:
    if not record.get("proposed"):
        return []
    start = nanoseconds(str(record["proposed"]))
    end = nanoseconds(str(record["decided"])) if record.get("decided") else start
    decision = record.get("decision") if isinstance(record.get("decision"), Mapping) else {}
    attributes = {WAIT: "decision", **verdict_attributes(record)}
    if decision:
        attributes |= {"aios.decision": str(decision.get("what", "")), "aios.decided_by": str(decision.get("by", ""))}
        attributes |= {"aios.reason": str(decision["reason"])} if decision.get("reason") else {}
    name = str(record.get("gate") or "approve")
    return [Span(span_id(run, "record", "gate"), root_id(run), SpanKind.GATE, name, start, end, "", attributes)]
