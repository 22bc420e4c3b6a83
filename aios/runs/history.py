"""A run's state as a fold over its facts. Pure.

The facts are the run's commits, and in the same shape what the runner has just appended to the journal.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from aios.domain.event import Event, EventNote, StepStatus
from aios.domain.keys import canonical_json
from aios.domain.run import Attempt, ItemState, RunState, StepState
from aios.proposals.record import END

STARTED = "run.started"
OPENED = "proposal.opened"
REFRESHED = "proposal.refreshed"
APPROVED = "proposal.approved"
REJECTED = "proposal.rejected"
REVISED = "proposal.revision-requested"
ASKED = "question.asked"
ANSWERED = "question.answered"
CANCELLED = "run.cancelled"
FINISHED = "run.finished"
REVERTED = "run.reverted"
REVERTING = "run.reverting"  # allowed, and begun


@dataclass(frozen=True, slots=True)
class Fact:
    """What a run's event says to the run. `at` is ISO 8601."""

    type: str
    at: str
    step: str = ""
    item: int | None = None
    attempt: int = 0
    status: str = ""
    output: Any = None
    error: str = ""
    transient: bool = False
    key: str = ""
    paths: tuple[str, ...] = ()
    usage: Mapping[str, Any] = field(default_factory=dict)


def utc(at: str) -> str:
    """A moment in the one spelling that facts use, wherever it was noted: UTC, whole seconds, `Z`."""
    return datetime.fromisoformat(at).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def fact_of_event(event: Event) -> Fact:
    item = event.trailer("Item")
    attempt = event.trailer("Attempt")
    return Fact(
        type=event.type,
        at=utc(event.at),
        step=event.trailer("Step"),
        item=int(item) if item.isdigit() else None,
        attempt=int(attempt) if attempt.isdigit() else 0,
        status=event.trailer("Status"),
        output=event.output,
        error=event.trailer("Error"),
        transient=event.trailer("Transient") == "true",
        key=event.trailer("Key"),
        paths=tuple(change.path for change in event.changes),
        usage=_usage(event.trailer("Usage")),
    )


def fact_of_message(message: str, at: str, *, paths: tuple[str, ...] = ()) -> Fact:
    """The fact in a commit message of ours that git does not have yet."""
    last = message.rstrip("\n").rpartition("\n\n")[2]
    told = dict(line.removeprefix("Aios-").split(": ", 1) for line in last.splitlines() if line.startswith("Aios-"))
    item, attempt, output = told.get("Item", ""), told.get("Attempt", ""), told.get("Output", "")
    return Fact(
        type=told.get("Event", ""),
        at=utc(at),
        step=told.get("Step", ""),
        item=int(item) if item.isdigit() else None,
        attempt=int(attempt) if attempt.isdigit() else 0,
        status=told.get("Status", ""),
        output=json.loads(output) if output else None,
        error=told.get("Error", ""),
        transient=told.get("Transient") == "true",
        key=told.get("Key", ""),
        paths=paths,
        usage=_usage(told.get("Usage", "")),
    )


def fact_of_note(note: EventNote, at: str, *, paths: tuple[str, ...] = ()) -> Fact:
    """The fact as its commit will tell it, to the order of an output's fields: what follows from it must not depend on
    whether it was read back."""
    return Fact(
        type=note.type,
        at=at,
        step=note.step,
        item=note.item,
        attempt=note.attempt,
        status=note.status,
        output=None if note.output is None else json.loads(canonical_json(note.output)),
        error=note.error,
        transient=note.transient,
        key=note.key,
        paths=paths,
        usage=note.usage,
    )


def _usage(text: str) -> Mapping[str, Any]:
    try:
        found = json.loads(text) if text else {}
    except ValueError:
        return {}
    return found if isinstance(found, Mapping) else {}


def fold(run: str, facts: Iterable[Fact]) -> RunState:
    """The state after all the facts, oldest first. Facts before `run.started` and unknown types change nothing."""
    state = RunState(id=run, inputs={}, started_at="")
    for fact in facts:
        state = apply(state, fact)
    return state


def apply(state: RunState, fact: Fact) -> RunState:
    """The state after one more fact."""
    output = fact.output if isinstance(fact.output, Mapping) else {}
    match fact.type:
        case "run.started":
            return replace(
                state,
                inputs=output.get("inputs", {}),
                started_at=str(output.get("started", fact.at)),
                base=str(output.get("base", "")),
                trigger=output.get("trigger", {}),
            )
        case "proposal.opened" | "proposal.refreshed":
            return _gate(state, fact, "open")
        case "proposal.approved":
            decided = _gate(state, fact, "approved")
            return replace(decided, finished="done") if fact.step == END else decided
        case "proposal.rejected":
            return _gate(state, fact, "rejected")
        case "proposal.revision-requested":
            return _revise(state, output)
        case "question.answered":
            step = state.steps.get(fact.step, StepState())
            answered = replace(step, question=None, guidance=(*step.guidance, str(output.get("answer", ""))))
            return _step(state, fact.step, answered)
        case "run.cancelled" | "run.reverting":
            cancelled, reverting = fact.type == CANCELLED, fact.type == REVERTING
            return replace(state, cancelled=state.cancelled or cancelled, reverting=state.reverting or reverting)
        case "run.finished":
            return replace(state, finished=str(output.get("status", "done")))
        case "run.reverted":
            return replace(state, finished="reverted")
        case _:
            return _attempt(state, fact) if fact.step and fact.status else state


def _step(state: RunState, name: str, step: StepState) -> RunState:
    return replace(state, steps={**state.steps, name: step})


def _gate(state: RunState, fact: Fact, decision: str) -> RunState:
    if not fact.step:
        return state
    decided = {**state.decided, fact.step: fact.at}
    return replace(state, gates={**state.gates, fact.step: decision}, decided=decided)


def _attempt(state: RunState, fact: Fact) -> RunState:
    step = state.steps.get(fact.step, StepState())
    if fact.type == ASKED:
        asked = fact.output if isinstance(fact.output, Mapping) else {}
        told_before = step.question == asked
        return _step(state if told_before else _spent(state, fact), fact.step, replace(step, question=asked))
    before = step.items.get(fact.item, ItemState())
    attempt = Attempt(
        fact.attempt or len(before.attempts) + 1,
        StepStatus(fact.status),
        fact.at,
        fact.output,
        fact.error,
        fact.transient,
    )
    if any(earlier.number == attempt.number for earlier in before.attempts):
        return state  # told twice, counted once
    items = {**step.items, fact.item: ItemState((*before.attempts, attempt))}
    return _step(_spent(state, fact), fact.step, replace(step, items=items, paths=step.paths | set(fact.paths)))


def _spent(state: RunState, fact: Fact) -> RunState:
    """The run with what a step's models cost added."""
    usd, tokens = fact.usage.get("usd", 0.0), [fact.usage.get(name, 0) for name in ("input", "output")]
    if not isinstance(usd, int | float) or not all(isinstance(each, int) for each in tokens):
        return state
    used = state.used.plus(fact.usage)
    return replace(state, usd=state.usd + usd, tokens=state.tokens + sum(tokens), used=used)


def _revise(state: RunState, output: Mapping[str, Any]) -> RunState:
    """The operator sent it back: the named steps start afresh with the note as guidance, gates close again. Where only
    what failed is tried again, the items that did not stay as they are."""
    note = str(output.get("note", ""))
    again = [str(name) for name in output.get("steps", ())]
    steps = dict(state.steps)
    for name in again:
        before = steps.get(name, StepState())
        kept = before.items.items() if output.get("only") == "failed" else ()
        items = {item: each for item, each in kept if each.last and each.last.status is not StepStatus.FAILED}
        steps[name] = StepState(items=items, guidance=(*before.guidance, note), paths=before.paths)
    gates = {name: decision for name, decision in state.gates.items() if decision == "approved"}
    return replace(state, steps=steps, gates=gates)
