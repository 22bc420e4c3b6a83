"""What the commits of a handoff say happened: a run's own steps, in an order that the run could have taken.

The run's definition and its state before the handoff are ours. With them it is known which attempts could be next,
which inputs each had, and so which key, actor, type and files its commit must have. What the operator decides
(approvals, answers, revisions) and what `aios` itself says (a proposal, an end) is never handed over.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from aios.domain.event import EventNote, StepStatus, render_message
from aios.domain.finding import Finding
from aios.domain.keys import run_ulid
from aios.domain.run import Fail, ItemState, RunState, Skip, Start, StepState
from aios.domain.workflow import Step, StepKind
from aios.errors import AiosError
from aios.runs.attempts import asking, attempt_key, without_work
from aios.runs.decide import decide, needs_met, start_of
from aios.runs.definitions import Definitions
from aios.runs.history import ASKED, Fact, apply
from aios.runs.inputs import parse_inputs
from aios.runs.start import moment_of, started_note
from aios.runs.verifying.told import wrong

_EVER = "9999-12-31T00:00:00Z"  # the world's clocks are not asked: what waited may be over
_QUESTION = {"text", "options", "evidence"}
_WORDS = 4_000  # characters of a question, of an option, of a line of evidence
_COSTS = frozenset({"usd", "input", "output", "calls", "hits", "saved_usd"})
_MOST, _FIELDS, _LABEL = 10**12, 50, 200  # of a usage: the largest number, the most fields, characters of a text
_KINDS = {StepKind.AGENT: "agent", StepKind.COLLECT: "collect"}

Slot = tuple[str, int | None]


@dataclass(frozen=True, slots=True)
class Said:
    """One commit's note and fact; `stage` is the step kind that may have made it: agent or collect."""

    place: str
    note: EventNote
    fact: Fact
    stage: str


@dataclass(slots=True)
class Story:
    """The facts told one after the other; `state` is the run's after those that were told."""

    definitions: Definitions
    state: RunState
    asked: set[Slot] = field(default_factory=set)
    passed: list[Skip | Fail] = field(default_factory=list)

    def tell(self, said: Said) -> tuple[Start | None, list[Finding]]:
        """The attempt that the fact ends, None where it ends none; and what is wrong with it."""
        start, why = self._attempt(said)
        if not why:
            self.state = apply(self.state, said.fact)
            if said.note.type == ASKED:
                self.asked.add((said.note.step, said.note.item))
        return start, [wrong(rule, said.place, message) for rule, message in why[:1]]

    def _attempt(self, said: Said) -> tuple[Start | None, list[tuple[str, str]]]:
        note = said.note
        step = self.definitions.workflow.steps.get(note.step)
        if note.run != self.state.id:
            return None, [("run", f"it is a fact of {note.run or 'no run'}, not of {self.state.id}")]
        if not note.step or not note.status:
            return None, [("event", f"`{note.type}` is not said by a step, and nothing else is handed over")]
        if step is None:
            return None, [("step", f"the workflow has no step `{note.step}` at the run's base")]
        command = self._without_work(note)
        if command is not None:
            return None, []
        if _KINDS.get(step.kind) != said.stage:
            return None, [("step", f"`{step.name}` is no step of the {said.stage} stage")]
        if step.name in self.asked_before() or (step.name, note.item) in self.asked:
            return None, [("step", f"`{step.name}` waits for an answer of the operator's")]
        return self._with_work(step, note)

    def asked_before(self) -> set[str]:
        """Steps that waited for an answer before the handoff."""
        waiting = {name for name, each in self.state.steps.items() if each.question is not None}
        return waiting - {name for name, _ in self.asked}

    def _without_work(self, note: EventNote) -> Skip | Fail | None:
        """The command that such a note carries out, among what was to be done here or just before."""
        if note.type not in {"step.skipped", "step.failed"}:
            self.passed = []
            return None
        commands = decide(self.definitions.workflow, self.state, _EVER)
        self.passed += [each for each in commands if isinstance(each, Skip | Fail) and each not in self.passed]
        for each in self.passed:
            if (each.step, each.item) == (note.step, note.item):
                wanted = without_work(self.definitions.workflow.steps[each.step], self.state, each)
                if render_message(wanted) == render_message(note):
                    return each
        return None

    def _with_work(self, step: Step, note: EventNote) -> tuple[Start | None, list[tuple[str, str]]]:
        workflow, state = self.definitions.workflow, self.state
        if (note.item is None) == bool(step.for_each):
            return None, [("step", f"`{step.name}` has an item where it goes through none, or none where it does")]
        if not needs_met(workflow, state, step.name) or not _is_open(step, state, note.item):
            return None, [("step", f"`{step.name}` could not be done here: what it needs is not done, or it is")]
        start = start_of(workflow, state, step.name, note.item)
        if start is None:
            return None, [("step", f"`{step.name}` was not to be done")]
        if odd := _usage_mistake(note.usage):
            return start, [("usage", f"no model costs what it says: `{odd}`")]
        key = attempt_key(self.definitions, state, start)
        return start, _mistakes(self.definitions, state, step, start, note, key)


def _usage_mistake(usage: Mapping[str, Any]) -> str:
    """The field of a usage that no meter writes; empty where there is none. Limits on what models cost are kept by it,
    so nothing in it may be less than nothing."""
    wrong_names = (name for name in usage if len(str(name)) > _LABEL)
    odd = next(wrong_names, "") or next((name for name, each in usage.items() if not _is_usage(name, each)), "")
    return str(odd)[:_LABEL] if len(usage) <= _FIELDS else f"{len(usage)} fields"


def _is_usage(name: str, value: Any) -> bool:
    match value:
        case bool():
            return name not in _COSTS
        case int() | float():
            return 0 <= value <= _MOST
        case str():
            return name not in _COSTS and len(value) <= _LABEL
        case list() | dict():
            texts = [*value, *(value.values() if isinstance(value, dict) else ())]
            small = len(value) <= _FIELDS and all(isinstance(each, str) and len(each) <= _LABEL for each in texts)
            return small and name not in _COSTS
        case _:
            return False


def _is_open(step: Step, state: RunState, item: int | None) -> bool:
    """Can there be another attempt? Not after a success, a skip, or the last failure."""
    tried = state.steps.get(step.name, StepState()).items.get(item, ItemState())
    last = tried.last
    return last is None or (
        last.status is StepStatus.FAILED and last.transient and len(tried.attempts) < step.retry.attempts
    )


def _mistakes(
    definitions: Definitions, state: RunState, step: Step, start: Start, note: EventNote, key: str
) -> list[tuple[str, str]]:
    """How the note differs from what the attempt must have left, whatever came of it."""
    if note.type == ASKED:
        return _question_mistakes(state, start, note, key)
    succeeded = note.status == StepStatus.SUCCEEDED.value
    types, actor = _expected(definitions, step) if succeeded else (("step.failed",), "aios")
    wanted = StepStatus.SUCCEEDED.value if succeeded else StepStatus.FAILED.value
    told: list[tuple[str, str]] = []
    if note.type not in types:
        told.append(("event", f"`{step.name}` ends with {' or '.join(types)}, never with `{note.type}`"))
    elif note.actor != actor:
        told.append(("actor", f"`{step.name}` is done by {actor}, not by {note.actor or 'nobody'}"))
    elif (note.status, note.attempt) != (wanted, start.attempt):
        told.append(("step", f"attempt {start.attempt} of `{step.name}` comes next, and ends {wanted}"))
    elif note.key != key:
        told.append(("key", f"its key is not that of attempt {start.attempt} at `{step.name}` with its inputs"))
    elif succeeded and (note.error or note.transient or not note.context or note.output is None):
        told.append(("event", "a success has an output and a context, and no error"))
    elif not succeeded and (note.context or note.output is not None or note.records or not note.error):
        told.append(("event", "a failed attempt has an error, and leaves nothing"))
    elif note.context and not _is_key(note.context):
        told.append(("event", "its context is named by no hash"))
    return told


def _expected(definitions: Definitions, step: Step) -> tuple[tuple[str, ...], str]:
    contract = definitions.contracts.get(step.uses)
    if step.kind is StepKind.AGENT and contract is not None:
        return (contract.event,), f"agent:{step.uses}@{contract.version}"
    connector = definitions.connector_for(step.uses)
    return ("source.collected", "service.read"), f"connector:{connector.name if connector else '-'}"


def _question_mistakes(state: RunState, start: Start, note: EventNote, key: str) -> list[tuple[str, str]]:
    asked = note.output
    if not isinstance(asked, Mapping) or set(asked) != _QUESTION or not _is_text(asked["text"]):
        return [("question", "it has no text, or no options and evidence")]
    for name in ("options", "evidence"):
        lines = asked[name]
        if not isinstance(lines, list) or len(lines) > 100 or not all(map(_is_text, lines)):
            return [("question", f"its {name} are no short list of texts")]
    nothing: Mapping[str, Any] = {"manifest": {}, "reasons": [], "findings": [], "confidence": 1.0}
    wanted = replace(asking(state, start, asked, nothing, key).note, context=note.context, usage=note.usage)
    if render_message(wanted) != render_message(note):
        return [("question", "it says something else than the question it asks")]
    return [] if _is_key(note.context) else [("event", "its context is named by no hash")]


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip()) and len(value) <= _WORDS


def _is_key(text: str) -> bool:
    name = text.removeprefix("sha256:")
    return text.startswith("sha256:") and len(name) == 64 and not name.strip("0123456789abcdef")


def judge_start(definitions: Definitions, run: str, base: str, start: Mapping[str, Any], said: Said) -> list[Finding]:
    """Is the first fact of a new run the one that its order asks for?"""
    note = said.note
    output = note.output if isinstance(note.output, Mapping) else {}
    try:
        trigger = dict(start["trigger"])
        given = parse_inputs(definitions.workflow, start.get("inputs") or {})
        began = moment_of(trigger, str(output.get("started", "")))
        ulid = run_ulid(began[1], str(trigger["key"]))
        wanted = started_note(definitions, run, given, trigger, base, began[0])
    except (AiosError, ValueError, KeyError, TypeError) as error:
        return [wrong("start", said.place, f"the order's start cannot be followed: {error}")]
    if run.split("/")[2] != ulid:
        return [wrong("start", said.place, f"it does not start {run}")]
    if render_message(wanted) != render_message(note):
        return [wrong("start", said.place, "it starts the run with other inputs, trigger or base than the order says")]
    return []
