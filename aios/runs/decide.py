"""What a run does next: a pure function of definition, state and moment. No I/O, no clock, no surprise."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from aios.domain.event import StepStatus
from aios.domain.run import (
    Command,
    Fail,
    Finish,
    ItemState,
    OpenGate,
    RunState,
    RunStatus,
    Skip,
    Start,
    StepState,
    Wait,
)
from aios.domain.workflow import Step, StepKind, Workflow
from aios.expressions import ExpressionError, evaluate, evaluate_bool, render, typed
from aios.runs.duration import span

Slot = tuple[str, int | None]
_DONE = {StepStatus.SUCCEEDED, StepStatus.SKIPPED}


def decide(
    workflow: Workflow, state: RunState, now: str, *, in_flight: frozenset[Slot] = frozenset()
) -> tuple[Command, ...]:
    """The commands to act on. With nothing in flight there is always at least one.

    `now` is ISO 8601; `in_flight` names the attempts that were started and have not ended.
    """
    if state.cancelled:
        return (Finish(RunStatus.CANCELLED, "cancelled"),)
    commands: list[Command] = []
    for step in workflow.steps.values():
        commands += _step(workflow, state, step, now, in_flight)
    failure = next((command for command in commands if isinstance(command, Finish)), None)
    if failure:
        return (failure,) if not in_flight else ()
    if not commands and not in_flight:
        return (Finish(RunStatus.DONE),)
    return tuple(commands)


def decide_share(
    workflow: Workflow,
    state: RunState,
    step: str,
    mine: Callable[[int], bool],
    now: str,
    *,
    in_flight: frozenset[Slot] = frozenset(),
) -> tuple[Command, ...]:
    """The commands for the items of one step that are `mine`, and for nothing else; none where nothing of them is left
    to do."""
    declared = workflow.steps[step]
    if _ended(workflow, state, declared):
        return ()
    current = state.steps.get(step, StepState())
    if current.question is not None:
        return ()
    values = _values(workflow, state)
    try:
        return tuple(_fan_out(declared, current, _items(declared, values) or [], values, now, in_flight, mine))
    except ExpressionError:
        return ()  # whoever carries the whole run on says so


def items_left(workflow: Workflow, state: RunState, step: str) -> int:
    """How many items of a `for_each` step are still to be done; 0 where it goes through no list.

    Raises ExpressionError.
    """
    declared, current = workflow.steps[step], state.steps.get(step, StepState())
    items = _items(declared, _values(workflow, state)) or ()
    return sum(not _settled(declared, current.items.get(index)) for index in range(len(items)))


def inputs_of(workflow: Workflow, state: RunState, step: str) -> list[tuple[int | None, Mapping[str, Any]]]:
    """A step's evaluated `with`, with the index of each item where it goes through a list; empty where its `when` is
    false. Raises ExpressionError."""
    declared = workflow.steps[step]
    values = _values(workflow, state)
    if declared.when and not evaluate_bool(declared.when, values):
        return []
    items = _items(declared, values)
    if items is None:
        return [(None, render(declared.with_, values))]
    return [(index, render(declared.with_, {**values, "item": item})) for index, item in enumerate(items)]


def start_of(workflow: Workflow, state: RunState, step: str, item: int | None) -> Start | None:
    """The next attempt at a step or item, whatever else is to do; None where it is not wanted.

    Raises ExpressionError.
    """
    declared = workflow.steps[step]
    values = _values(workflow, state)
    if declared.when and not evaluate_bool(declared.when, values):
        return None
    if item is not None:
        items = _items(declared, values) or []
        if item >= len(items):
            return None
        values["item"] = items[item]
    tried = state.steps.get(step, StepState()).items.get(item, ItemState())
    return Start(step, item, len(tried.attempts) + 1, render(declared.with_, values))


def needs_met(workflow: Workflow, state: RunState, step: str) -> bool:
    """Is all done that the step needs, and every gate before it passed?"""
    return all(status_of(workflow, state, need) in _DONE for need in workflow.steps[step].needs)


def _step(workflow: Workflow, state: RunState, step: Step, now: str, in_flight: frozenset[Slot]) -> list[Command]:
    if status_of(workflow, state, step.name) is not None:
        return _ended(workflow, state, step)
    if not needs_met(workflow, state, step.name):
        return []
    if step.kind is StepKind.GATE:
        return _gate(state, step)
    current = state.steps.get(step.name, StepState())
    if current.question is not None:
        return [Wait(step.name, "", str(current.question.get("text", "a question")))]
    due = _after(state, step)
    if due and _moment(now) < _moment(due):
        return [Wait(step.name, due, f"`{step.name}` comes {span(step.after)} after what it needs")]
    return _work(workflow, state, step, current, now, in_flight)


def _ended(workflow: Workflow, state: RunState, step: Step) -> list[Command]:
    if status_of(workflow, state, step.name) is not StepStatus.FAILED:
        return []
    if step.kind is StepKind.GATE:
        return [Finish(RunStatus.REJECTED, f"`{step.name}` was rejected")]
    items = state.steps[step.name].items.values()
    error = next((each.last.error for each in items if each.last and each.last.status is StepStatus.FAILED), "")
    return [Finish(RunStatus.FAILED, f"`{step.name}` failed: {error}")]


def _gate(state: RunState, step: Step) -> list[Command]:
    if state.gates.get(step.name) == "open":
        question = state.steps[step.name].question if step.name in state.steps else None
        return [Wait(step.name, "", str(question.get("text")) if question else "waits for your decision")]
    return [OpenGate(step.name)]


def _work(
    workflow: Workflow, state: RunState, step: Step, current: StepState, now: str, in_flight: frozenset[Slot]
) -> list[Command]:
    values = _values(workflow, state)
    try:
        if step.when and not evaluate_bool(step.when, values):
            return [Skip(step.name, None, f"skipped: `{step.when}` does not hold")]
        items = _items(step, values)
        if items is None:
            return _slot(step, current, None, render(step.with_, values), now, in_flight)
        if not items:
            return [Skip(step.name, None, "there is nothing to do it for")]
        return _fan_out(step, current, items, values, now, in_flight)
    except ExpressionError as error:
        return [Fail(step.name, None, str(error))]


def _fan_out(
    step: Step,
    current: StepState,
    items: list[Any],
    values: Mapping[str, Any],
    now: str,
    in_flight: frozenset[Slot],
    mine: Callable[[int], bool] = lambda _: True,
) -> list[Command]:
    commands: list[Command] = []
    busy = sum(1 for name, _ in in_flight if name == step.name)
    for index, item in enumerate(items):
        if not mine(index) or _settled(step, current.items.get(index)):
            continue
        found = _slot(step, current, index, render(step.with_, {**values, "item": item}), now, in_flight)
        starts = [command for command in found if isinstance(command, Start)]
        if starts and busy >= step.parallel and step.kind is not StepKind.EFFECT:  # effects are done one by one
            break
        busy += len(starts)
        commands += found
    return commands


def _slot(
    step: Step, current: StepState, item: int | None, inputs: Any, now: str, in_flight: frozenset[Slot]
) -> list[Command]:
    if (step.name, item) in in_flight:
        return []
    state = current.items.get(item, ItemState())
    last = state.last
    if last is not None and last.status is StepStatus.FAILED:
        delay = min(step.retry.backoff * 2 ** (len(state.attempts) - 1), step.retry.ceiling)
        due = _later(last.at, delay)
        if _moment(now) < _moment(due):
            return [Wait(step.name, due, f"attempt {len(state.attempts)} failed: {last.error}")]
    return [Start(step.name, item, len(state.attempts) + 1, inputs)]


def _items(step: Step, values: Mapping[str, Any]) -> list[Any] | None:
    if not step.for_each:
        return None
    found = evaluate(step.for_each, values)
    if not isinstance(found, list):
        raise ExpressionError(f"`{step.for_each}` gave no list")
    return found


def _settled(step: Step, state: ItemState | None) -> bool:
    """Ended for good: succeeded, skipped, or failed with no attempt left."""
    last = state.last if state else None
    if last is None or state is None:
        return False
    return last.status in _DONE or (
        last.status is StepStatus.FAILED and (not last.transient or len(state.attempts) >= step.retry.attempts)
    )


def status_of(workflow: Workflow, state: RunState, name: str) -> StepStatus | None:
    """How the step as a whole ended; None while it has not."""
    step = workflow.steps[name]
    if step.kind is StepKind.GATE:
        decision = state.gates.get(name)
        return {"approved": StepStatus.SUCCEEDED, "rejected": StepStatus.FAILED}.get(decision or "")
    current = state.steps.get(name)
    if current is None or current.question is not None:
        return None
    whole = current.items.get(None)
    if whole is not None:
        return whole.status if _settled(step, whole) else None
    if not step.for_each or not current.items:
        return None
    failed = [item for item in current.items.values() if _settled(step, item) and item.status is StepStatus.FAILED]
    if failed and step.kind is not StepKind.EFFECT:
        return StepStatus.FAILED
    try:
        items = _items(step, _values(workflow, state))
    except ExpressionError:
        return None
    done = all(_settled(step, current.items.get(index)) for index in range(len(items or ())))
    if not done:
        return None
    # An effect that failed holds up no other that was approved with it, and nothing after them.
    return StepStatus.FAILED if failed and len(failed) == len(current.items) else StepStatus.SUCCEEDED


def _after(state: RunState, step: Step) -> str:
    """When a step with a delay is due; empty for one without. Gates count from their decision."""
    if not step.after:
        return ""
    ended = [state.decided[need] for need in step.needs if need in state.decided]
    for need in step.needs:
        if need in state.steps:
            ended += [attempt.at for item in state.steps[need].items.values() for attempt in item.attempts]
    return _later(max(ended, default=state.started_at, key=_moment), step.after)


def _values(workflow: Workflow, state: RunState) -> dict[str, Any]:
    return {"inputs": dict(state.inputs), "steps": {name: _output(workflow, state, name) for name in workflow.steps}}


def _output(workflow: Workflow, state: RunState, name: str) -> Any:
    """What a step gave: its output, the list of its items' outputs, or empty values of its declared fields."""
    step, current = workflow.steps[name], state.steps.get(name)
    items = current.items if current else {}
    whole = items.get(None)
    if whole is not None and whole.last and whole.status is StepStatus.SUCCEEDED:
        return typed(whole.last.output, step.output)
    if step.for_each:
        lasts = [items[index].last for index in sorted(index for index in items if index is not None)]
        return [typed(last.output, step.output) for last in lasts if last and last.status is StepStatus.SUCCEEDED]
    return typed(dict(step.empty), step.output)


def _later(text: str, seconds: float) -> str:
    """A moment that many seconds later, in whole seconds and never too early."""
    moment = _moment(text).astimezone(UTC) + timedelta(seconds=seconds)
    if moment.microsecond:
        moment += timedelta(microseconds=1_000_000 - moment.microsecond)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _moment(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)
