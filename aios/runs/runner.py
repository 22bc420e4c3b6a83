"""The conductor's hands: asks `decide` what is next, does it, makes the outcome durable, and asks again.

One thread; attempts run in worker processes. A kill at any point loses at most the attempts in flight, and they are
started again on resume. The resulting tree does not depend on where it was killed: agents see the run's start as
their only clock, and results are applied in the order of steps and items, not of arrival.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from aios.domain.event import one_line
from aios.domain.handoff import Stage
from aios.domain.run import Command, Fail, Finish, OpenGate, RunStatus, Skip, Start, Wait
from aios.domain.workflow import Step, StepKind
from aios.errors import AiosError
from aios.runs.attempts import Ended, ended, keeping_edits, over_budget, without_work
from aios.runs.context import Context, Progress
from aios.runs.cursors import beside_others
from aios.runs.decide import decide, decide_share
from aios.runs.definitions import Definitions
from aios.runs.execute import work_of
from aios.runs.history import ASKED
from aios.runs.operator_edits import keep_operator_edits
from aios.runs.recordings import Begun, keep_attempt, recorded, recorder_of
from aios.runs.session import Session
from aios.runs.sharding import Share, Spread, too_many
from aios.runs.stages import may
from aios.runs.traces import keep_manifest
from aios.runs.view import step_view
from aios.runs.worker import Result, Workers

Slot = tuple[str, int | None]


@dataclass(frozen=True, slots=True)
class Stopped:
    """Why the runner stopped: at a gate (`gate`), done for now (`wait`), or finished (`finish`); at a step that is for
    another stage (`left`), or has so many items that several jobs shall do them (`spread`); with its share done, where
    it has nothing at all."""

    gate: OpenGate | None = None
    wait: Wait | None = None
    finish: Finish | None = None
    effects: tuple[Start, ...] = ()
    left: Start | None = None
    spread: str = ""


@dataclass(slots=True)
class Runner:
    """Runs one session until it needs the operator, time or the world. Effects are handed back, never done here.

    With a `stage`, only steps of its kind are started. With a `spread`, no step with more items than that; with a
    `share`, only its items.
    """

    context: Context
    session: Session
    definitions: Definitions
    stage: Stage | None = None
    spread: Spread | None = None
    share: Share | None = None
    started: dict[Slot, Begun] = field(default_factory=dict)
    # Results that arrived before those of earlier items, and when; applied in order.
    arrived: dict[Slot, tuple[Result, int]] = field(default_factory=dict)

    def run(self) -> Stopped:
        with Workers(self._heard) as workers:
            while True:
                stopped = self._round(workers)
                if stopped is not None:
                    self.session.flush()
                    return stopped

    def _round(self, workers: Workers) -> Stopped | None:
        commands = self._decide()
        left: list[Start] = []
        effects: list[Start] = []
        acted = False
        for command in commands:
            match command:
                case Start() if self._step(command.step).kind is StepKind.EFFECT:
                    effects.append(command)
                case Start() if not self._may_start(command):
                    left.append(command)
                case Start():
                    self._start(workers, command)
                    acted = True
                case Skip() | Fail():
                    self._record_without_work(command)
                    acted = True
                case _:
                    pass
        if acted and not self.started:
            return None
        if self.started:
            self._gather(workers, _soonest(commands, self.context))
            return None
        return self._stop(commands, tuple(effects), left[0] if left else None)

    def _decide(self) -> tuple[Command, ...]:
        workflow, state, now = self.definitions.workflow, self.session.state, self.context.now()
        busy = frozenset(self.started)
        if self.share is None:
            return decide(workflow, state, now, in_flight=busy)
        return decide_share(workflow, state, self.share.step, self.share.has, now, in_flight=busy)

    def _may_start(self, start: Start) -> bool:
        return may(self.stage, self._step(start.step).kind) and not self._is_spread(start)

    def _is_spread(self, start: Start) -> bool:
        """Has the step more items left than one job shall do? Not where some of them are at work: it was looked at."""
        if start.item is None or any(step == start.step for step, _ in self.started):
            return False
        return too_many(self.definitions.workflow, self.session.state, start.step, self.spread)

    def _stop(self, commands: tuple[Command, ...], effects: tuple[Start, ...], left: Start | None) -> Stopped | None:
        found = self._reached(commands, effects, beside=left is not None)
        if found is not None:
            return found
        waits = [command for command in commands if isinstance(command, Wait)]
        timed = [wait for wait in waits if wait.until]
        pause = _soonest([wait for wait in timed if may(self.stage, self._step(wait.step).kind)], self.context)
        if pause is not None and pause <= self.context.patience:
            for wait in timed:
                self.context.report(Progress(self.session.run, wait.step, "retrying", detail=wait.why))
            self.session.flush()  # idle: a good moment
            self.context.pause(pause)
            return None
        if left is not None:
            return Stopped(left=left, spread=left.step if may(self.stage, self._step(left.step).kind) else "")
        if not waits and self.share is not None:
            return Stopped()
        if not waits:
            raise AiosError(f"the run {self.session.run} has nothing to do and is not finished", "`aios doctor`")
        return Stopped(wait=min(timed, key=lambda wait: wait.until) if timed else waits[0])

    def _reached(self, commands: tuple[Command, ...], effects: tuple[Start, ...], *, beside: bool) -> Stopped | None:
        """What the run has come to; None where it waits. A gate opens only when nothing `beside` it is left to be done
        by another stage; effects that were approved wait for no step beside them."""
        finish = next((command for command in commands if isinstance(command, Finish)), None)
        if finish:
            return Stopped(finish=finish)
        if effects and self.stage is Stage.APPLY:
            return Stopped(effects=effects)
        if beside:
            return None
        gate = next((command for command in commands if isinstance(command, OpenGate)), None)
        if gate:
            return Stopped(gate=gate)
        return Stopped(effects=effects) if effects else None

    def _step(self, name: str) -> Step:
        return self.definitions.workflow.steps[name]

    # Starting

    def _start(self, workers: Workers, start: Start) -> None:
        step, state = self._step(start.step), self.session.state
        asking = over_budget(self.definitions, state, start) if step.kind is StepKind.AGENT else None
        if asking is not None:
            self._keep(start, asking, 0.0)
            return
        context, view = self.context, step_view(self.session.place, self.definitions.workflow, step.name)
        recorder = recorder_of(context, self.definitions, state, start)
        work = work_of(*recorded(context, self.definitions, recorder), state, start, view)
        context.checkpoint(f"starting {start.step}")
        slot = (start.step, start.item)
        workers.start(slot, work, timeout=step.timeout)
        self.started[slot] = Begun(start, context.ticks())
        context.report(Progress(self.session.run, step.name, "started", start.item))

    # Gathering: results are applied in the order in which their attempts were started

    def _gather(self, workers: Workers, limit: float | None) -> None:
        for slot, result in workers.wait(limit):
            self.arrived[slot] = (result, self.context.ticks())
        for slot in list(self.started):
            if slot not in self.arrived:
                break
            begun, (result, end) = self.started.pop(slot), self.arrived.pop(slot)
            self._apply(begun, result, end)

    def _apply(self, begun: Begun, result: Result, end: int) -> None:
        state, start = self.session.state, begun.start
        outcome = ended(self.definitions, state, start, result)
        keep_attempt(self.context, self.definitions, state, begun, outcome, end)
        self._keep(start, outcome, result.seconds)

    def _heard(self, slot: Slot, told: Mapping[str, Any]) -> None:
        """A model answers: something for a terminal to show."""
        self.context.report(Progress(self.session.run, slot[0], "thinking", slot[1], str(told.get("detail", ""))))

    def _keep(self, start: Start, outcome: Ended, seconds: float) -> None:
        """Make it durable, and tell of it."""
        session, note = self.session, outcome.note
        changes, kept = keep_operator_edits(session.place, outcome.files)
        step = self._step(start.step)
        if step.kind is StepKind.COLLECT:
            beside_others(changes, step.uses, session.tree)
        if outcome.manifest is not None:
            keep_manifest(self.context.git, session.run, outcome.manifest)
        session.append(keeping_edits(note, kept), changes)
        told = "asked" if note.type == ASKED else note.status
        detail = note.error if told == "failed" else one_line(note.title)
        self.context.report(Progress(session.run, start.step, told, start.item, detail, seconds))

    def _record_without_work(self, command: Skip | Fail) -> None:
        note = without_work(self._step(command.step), self.session.state, command)
        self.session.append(note)
        self.context.report(Progress(self.session.run, command.step, note.status, command.item, command.why))


def finished(status: RunStatus) -> bool:
    return status in {RunStatus.DONE, RunStatus.FAILED, RunStatus.REJECTED, RunStatus.CANCELLED, RunStatus.REVERTED}


def _soonest(commands: Iterable[Command], context: Context) -> float | None:
    """Seconds until the first timed wait is over; None where none is."""
    untils = [command.until for command in commands if isinstance(command, Wait) and command.until]
    if not untils:
        return None
    until = datetime.fromisoformat(min(untils))
    return max(0.0, (until - context.clock()).total_seconds())
