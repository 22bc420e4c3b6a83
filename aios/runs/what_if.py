"""What if: a run's agent steps done again with another model, tier or instructions, beside what they did then.

Steps before the first change are taken as they were. From there on every step is done on what the changed ones left,
with real models (answers that were paid for are not paid again), while connectors only tell what they told then. It
ends where the operator would be asked. Nothing of the company is changed; the new recording lies in `.aios/what-if/`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from aios.domain.agent import Contract, Tier
from aios.domain.event import Event
from aios.domain.model import Model
from aios.domain.names import COMPANY
from aios.domain.record import Where
from aios.domain.run import RunState, Start
from aios.domain.tree import Tree
from aios.domain.workflow import StepKind
from aios.errors import UsageError
from aios.runs.attempts import Ended, attempt_key, ended, keeping_edits
from aios.runs.context import Context
from aios.runs.decide import start_of
from aios.runs.definitions import Definitions, load
from aios.runs.execute import work_of
from aios.runs.history import ASKED, OPENED, REFRESHED, apply, fact_of_event, fact_of_note, fold
from aios.runs.operator_edits import keep_operator_edits
from aios.runs.recordings import recorded
from aios.runs.replay import diff_of, item_of, run_alone
from aios.runs.session import events_of
from aios.runs.traces import recording_of
from aios.runs.view import Place, step_view
from aios.store.edit import DELETE, edit
from aios.store.trees import CommitTree, OverlayTree
from aios.trace.playback import PlayedConnector, Tape
from aios.trace.recorder import Recorder

Files = dict[str, bytes | None]


@dataclass(frozen=True, slots=True)
class Change:
    """What is to be different. `models` names another model for a tier; `step` limits the rest to one step's agent."""

    models: Mapping[str, str] = field(default_factory=dict)
    tier: Tier | None = None
    instructions: str | None = None
    step: str = ""


@dataclass(frozen=True, slots=True)
class Side:
    """How an attempt came out: its event and title, what it cost, what it was worth in its own eyes."""

    event: str
    title: str
    usage: Mapping[str, Any]
    output: Any


@dataclass(frozen=True, slots=True)
class Tried:
    """One attempt, then and now; `now` is None where it would not happen, `diff` compares the files it left."""

    what: str
    then: Side
    now: Side | None
    diff: str = ""
    seconds: float = 0.0
    recording: str = ""


def what_if(context: Context, run: str, change: Change, *, folder: Path) -> Iterator[Tried]:
    """Each agent attempt that the change touches, in order. Raises UsageError for what cannot be changed so."""
    events = events_of(context.git, run, main=context.main)
    state = fold(run, map(fact_of_event, events))
    if not state.started_at:
        raise UsageError(f"there is no run {run}", "`aios runs --all` lists them")
    definitions = _changed(load(context, state.workflow, state.base), change)
    folder.mkdir(parents=True, exist_ok=True)
    yield from _Attempt(_asking_others(context, change), definitions, change, folder).all(events, run)


def _changed(definitions: Definitions, change: Change) -> Definitions:
    steps = definitions.workflow.steps
    if change.step and (change.step not in steps or steps[change.step].kind is not StepKind.AGENT):
        agents = [name for name, step in steps.items() if step.kind is StepKind.AGENT]
        raise UsageError(f"there is no agent step `{change.step}`", f"the agent steps: {', '.join(agents)}")
    if change.instructions is not None and not change.step:
        raise UsageError("whose instructions?", "name the step: --step NAME")
    touched = {step.uses for name, step in steps.items() if not change.step or name == change.step}
    contracts = {
        name: _contract(contract, change) if name in touched else contract
        for name, contract in definitions.contracts.items()
    }
    return replace(definitions, contracts=contracts)


def _contract(contract: Contract, change: Change) -> Contract:
    if change.tier is not None:
        contract = replace(contract, tier=change.tier)
    if change.instructions is not None:
        contract = replace(contract, instructions=change.instructions)
    return contract


def _asking_others(context: Context, change: Change) -> Context:
    """The context with other models behind the tiers."""
    if change.tier is Tier.OFFLINE:
        return replace(context, models=lambda _: {})
    if not change.models:
        return context
    named: dict[Where | str, Any] = {}
    for tier, name in change.models.items():
        # Another model has another price: the published one.
        named |= {("tiers", tier, "model"): name, ("tiers", tier, "price"): DELETE}

    def models(tree: Tree) -> Mapping[Tier, Model]:
        company = (tree.read(COMPANY) or b"").decode()
        return context.models(OverlayTree(tree, {COMPANY: edit(company, named).encode()}))

    return replace(context, models=models)


@dataclass(slots=True)
class _Attempt:
    context: Context
    definitions: Definitions
    change: Change
    folder: Path
    files: Files = field(default_factory=dict)
    differs: bool = False

    def all(self, events: list[Event], run: str) -> Iterator[Tried]:
        state = fold(run, ())
        for event in events:
            if self.differs and event.type in {OPENED, REFRESHED}:
                return  # here the operator would be asked
            if not self._is_touched(event):
                state = apply(state, fact_of_event(event))
                continue
            tried, state = self._again(event, state)
            yield tried
            if tried.now is not None and tried.now.event == ASKED != event.type:
                return

    def _is_touched(self, event: Event) -> bool:
        step = self.definitions.workflow.steps.get(event.trailer("Step"))
        if step is None or step.kind is not StepKind.AGENT or not event.trailer("Status"):
            return False
        return self.differs or not self.change.step or step.name == self.change.step

    def _again(self, event: Event, state: RunState) -> tuple[Tried, RunState]:
        git, parent = self.context.git, event.parents[0]
        place = Place(git, state, OverlayTree(CommitTree(git, parent), self.files, hash_size=git.hash_size), parent)
        step, item = event.trailer("Step"), item_of(event)
        what = step if item is None else f"{step}[{item + 1}]"
        then = Side(event.type, event.subject.partition(": ")[2], fact_of_event(event).usage, event.output)
        start = start_of(self.definitions.workflow, state, step, item)
        if start is None:
            self.differs = True
            return Tried(what, then, None), apply(state, fact_of_event(event))
        outcome, seconds, recording = self._do(place, start)
        changes, kept = keep_operator_edits(place, outcome.files)
        note = keeping_edits(outcome.note, kept)
        diff = self._compare(event, place, changes)
        now = Side(note.type, note.title, note.usage, note.output)
        self.differs = self.differs or bool(diff) or now.output != then.output or now.event != then.event
        fact = fact_of_note(note, fact_of_event(event).at, paths=tuple(changes))
        return Tried(what, then, now, diff, seconds, recording), apply(state, fact)

    def _do(self, place: Place, start: Start) -> tuple[Ended, float, str]:
        state, definitions = place.state, self.definitions
        key = attempt_key(definitions, state, start)
        tape = Tape.of(recording_of(self.context.git, state.id, key) or ())
        connectors = {name: PlayedConnector(each, tape) for name, each in definitions.connectors.items()}
        file = self.folder / f"{start.step}{'' if start.item is None else f'.{start.item}'}.jsonl"
        file.unlink(missing_ok=True)
        recorder = Recorder(file, self.context.ticks, seed=f"{key} {self.context.ticks()}")
        context, definitions = recorded(self.context, replace(definitions, connectors=connectors), recorder)
        view = step_view(place, definitions.workflow, start.step)
        work = work_of(context, definitions, state, start, view)
        result = run_alone(work, definitions.workflow.steps[start.step].timeout)
        return ended(definitions, state, start, result), result.seconds, str(file) if file.exists() else ""

    def _compare(self, event: Event, place: Place, changes: Mapping[str, bytes | None]) -> str:
        """The files that the attempt left, then and now; from here on those of now count."""
        git = self.context.git
        told = []
        then = {change.path: git.read_blob(change.after) if change.after else None for change in event.changes}
        for path in sorted(then.keys() | changes.keys()):
            now = changes[path] if path in changes else place.tree.read(path)
            before = then[path] if path in then else place.tree.read(path)
            if now != before:
                told.append(
                    diff_of(path, (before or b"").decode(errors="replace"), (now or b"").decode(errors="replace"))
                )
                self.files[path] = now
        return "\n".join(told)
