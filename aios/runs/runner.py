"""The conductor's hands: asks `decide` what is next, does it, makes the outcome durable, and asks again.

One thread; attempts run in worker processes. A kill at any point loses at most the attempts in flight, and they are
started again on resume. The resulting tree does not depend on where it was killed: agents see the run's start as
their only clock, and results are applied in the order of steps and items, not of arrival.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from aios.domain.event import EventNote, StepStatus, one_line
from aios.domain.keys import key_of
from aios.domain.record import ref_of
from aios.domain.run import ACCEPT, GO_ON, STOP, Fail, Finish, OpenGate, RunStatus, Skip, Start, Wait
from aios.domain.workflow import Step, StepKind
from aios.errors import AiosError
from aios.runs.context import Context, Progress
from aios.runs.decide import decide
from aios.runs.definitions import Definitions
from aios.runs.execute import agent_attempt, call_of, collect_attempt
from aios.runs.history import ASKED
from aios.runs.manifests import keep
from aios.runs.operator_edits import keep_operator_edits
from aios.runs.session import Session
from aios.runs.view import step_view
from aios.runs.worker import Result, Workers

Slot = tuple[str, int | None]


@dataclass(frozen=True, slots=True)
class Stopped:
    """Why the runner stopped: at a gate (`gate`), done for now (`wait`), or finished (`finish`)."""

    gate: OpenGate | None = None
    wait: Wait | None = None
    finish: Finish | None = None
    effects: tuple[Start, ...] = ()


@dataclass(slots=True)
class Runner:
    """Runs one session until it needs the operator, time or the world. Effects are handed back, never done here."""

    context: Context
    session: Session
    definitions: Definitions
    started: dict[Slot, Start] = field(default_factory=dict)
    # Results that arrived before those of earlier items; applied in order.
    arrived: dict[Slot, Result] = field(default_factory=dict)

    def run(self) -> Stopped:
        with Workers() as workers:
            while True:
                stopped = self._round(workers)
                if stopped is not None:
                    self.session.flush()
                    return stopped

    def _round(self, workers: Workers) -> Stopped | None:
        commands = decide(
            self.definitions.workflow, self.session.state, self.context.now(), in_flight=frozenset(self.started)
        )
        effects: list[Start] = []
        acted = False
        for command in commands:
            match command:
                case Start() if self._step(command.step).kind is StepKind.EFFECT:
                    effects.append(command)
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
        return self._stop(commands, tuple(effects))

    def _stop(self, commands: tuple[Any, ...], effects: tuple[Start, ...]) -> Stopped | None:
        for command in commands:
            if isinstance(command, Finish):
                return Stopped(finish=command)
            if isinstance(command, OpenGate):
                return Stopped(gate=command)
        if effects:
            return Stopped(effects=effects)
        waits = [command for command in commands if isinstance(command, Wait)]
        timed = [wait for wait in waits if wait.until]
        pause = _soonest(commands, self.context)
        if timed and pause is not None and pause <= self.context.patience:
            for wait in timed:
                self.context.report(Progress(self.session.run, wait.step, "retrying", detail=wait.why))
            self.session.flush()  # idle: a good moment
            self.context.pause(pause)
            return None
        if not waits:
            raise AiosError(f"the run {self.session.run} has nothing to do and is not finished", "`aios doctor`")
        return Stopped(wait=min(timed, key=lambda wait: wait.until) if timed else waits[0])

    def _step(self, name: str) -> Step:
        return self.definitions.workflow.steps[name]

    # Starting

    def _start(self, workers: Workers, start: Start) -> None:
        step = self._step(start.step)
        if step.kind is StepKind.AGENT and self._is_over_budget(step, start):
            return
        tree = step_view(self.context.git, self.session, self.definitions.workflow, step.name)
        state = self.session.state
        if step.kind is StepKind.AGENT:
            guidance = state.steps[step.name].guidance if step.name in state.steps else ()
            call = call_of(
                self.definitions.contracts[step.uses],
                run=self.session.run,
                step=step.name,
                item=start.item,
                inputs=start.inputs,
                now=state.started_at,
                guidance=guidance,
            )

            def work() -> dict[str, Any]:
                return agent_attempt(self.context, call, tree)
        else:
            connector = self.definitions.connector_for(step.uses)
            if connector is None:
                raise AiosError(f"no connector offers {step.uses}", "see state/connectors/")

            def work() -> dict[str, Any]:
                return collect_attempt(connector, step.uses, start.inputs, now=state.started_at, tree=tree)

        slot = (start.step, start.item)
        self.context.checkpoint(f"starting {start.step}")
        workers.start(slot, work, timeout=step.timeout)
        self.started[slot] = start
        self.context.report(Progress(self.session.run, step.name, "started", start.item))

    def _is_over_budget(self, step: Step, start: Start) -> bool:
        """Where the run has spent what its workflow grants, the operator is asked before a model is."""
        state, budget = self.session.state, self.definitions.workflow.budget
        guidance = state.steps[step.name].guidance if step.name in state.steps else ()
        grants = 1 + guidance.count(GO_ON)
        over_usd = 0 < budget.usd * grants <= state.usd
        over_tokens = 0 < budget.tokens * grants <= state.tokens
        if not over_usd and not over_tokens:
            return False
        spent = f"{state.usd:.2f} USD and {state.tokens} tokens"
        text = f"this run has spent {spent}, all that its workflow grants; `{step.name}` comes next. Shall it go on?"
        answer = {"manifest": {}, "reasons": [], "findings": [], "confidence": 1.0}
        self._ask(step, start, {"text": text, "options": [GO_ON, STOP], "evidence": []}, answer)
        return True

    # Gathering: results are applied in the order in which their attempts were started

    def _gather(self, workers: Workers, limit: float | None) -> None:
        for slot, result in workers.wait(limit):
            self.arrived[slot] = result
        for slot in list(self.started):
            if slot not in self.arrived:
                break
            self._apply(self.started.pop(slot), self.arrived.pop(slot))

    def _apply(self, start: Start, result: Result) -> None:
        step = self._step(start.step)
        if result.error:
            self._failed(step, start, result)
            return
        answer: Mapping[str, Any] = result.value
        if "question" in answer:
            self._ask(step, start, answer["question"], answer)
            return
        below = step.escalate.below if step.escalate else 0.0
        guided = bool(self.session.state.steps[step.name].guidance) if step.name in self.session.state.steps else False
        if answer["confidence"] < below and not guided:
            question = {
                "text": f"{step.uses} is {answer['confidence']:.0%} confident; `{step.name}` asks for {below:.0%}",
                "options": [ACCEPT, STOP],
                "evidence": [_finding_line(finding) for finding in answer["findings"][:20]],
            }
            self._ask(step, start, question, answer)
            return
        self._succeeded(step, start, answer, result.seconds)

    def _succeeded(self, step: Step, start: Start, answer: Mapping[str, Any], seconds: float) -> None:
        files: dict[str, str | None] = answer["files"]
        changes, kept = keep_operator_edits(self.context.git, self.session, files)
        contract = self.definitions.contracts.get(step.uses)
        actor = f"agent:{step.uses}@{contract.version}" if contract else f"connector:{answer['manifest']['connector']}"
        reasons = [f"- {reason['what']}: {reason['why']}" for reason in answer["reasons"]]
        reasons += [f"- kept the operator's edit of {path}" for path in kept]
        note = EventNote(
            type=contract.event if contract else "source.collected" if files else "service.read",
            title=answer["title"] or f"{step.name} done",
            body="\n".join(reasons),
            records=tuple(ref_of(path) for path in sorted(files)),
            run=self.session.run,
            step=step.name,
            item=start.item,
            attempt=start.attempt,
            status=StepStatus.SUCCEEDED.value,
            actor=actor,
            key=self._key(step, start),
            context=keep(self.context.git, self.session.run, _explained(answer, start)),
            output=answer["output"],
            usage=answer.get("usage") or {},
        )
        self.session.append(note, changes)
        self.context.report(
            Progress(self.session.run, step.name, "succeeded", start.item, one_line(note.title), seconds)
        )

    def _failed(self, step: Step, start: Start, result: Result) -> None:
        hint = f" Hint: {result.hint}" if result.hint else ""
        note = EventNote(
            type="step.failed",
            title=f"{step.name}: {result.error}",
            body=result.bug or hint.strip(),
            run=self.session.run,
            step=step.name,
            item=start.item,
            attempt=start.attempt,
            status=StepStatus.FAILED.value,
            key=self._key(step, start),
            error=result.error + hint,
            transient=result.transient,
        )
        self.session.append(note)
        self.context.report(Progress(self.session.run, step.name, "failed", start.item, result.error, result.seconds))

    def _ask(self, step: Step, start: Start, question: Mapping[str, Any], answer: Mapping[str, Any]) -> None:
        note = EventNote(
            type=ASKED,
            title=question["text"],
            body="\n".join(f"- {line}" for line in question["evidence"]),
            run=self.session.run,
            step=step.name,
            item=start.item,
            status=StepStatus.WAITING.value,
            key=key_of("question", self._key(step, start), question["text"]),
            context=keep(self.context.git, self.session.run, _explained(answer, start)),
            output=dict(question),
            usage=answer.get("usage") or {},
        )
        self.session.append(note)
        self.context.report(Progress(self.session.run, step.name, "asked", start.item, question["text"]))

    def _record_without_work(self, command: Skip | Fail) -> None:
        failed = isinstance(command, Fail)
        status = StepStatus.FAILED if failed else StepStatus.SKIPPED
        note = EventNote(
            type=f"step.{status.value}",
            title=f"{command.step}: {command.why}",
            run=self.session.run,
            step=command.step,
            item=command.item,
            attempt=1,
            status=status.value,
            key=key_of(
                "step", self.session.run, command.step, command.item, status.value, self._generation(command.step)
            ),
            error=command.why if failed else "",
            output=[] if self._step(command.step).for_each and command.item is None and not failed else None,
        )
        self.session.append(note)
        self.context.report(Progress(self.session.run, command.step, status.value, command.item, command.why))

    def _key(self, step: Step, start: Start) -> str:
        contract = self.definitions.contracts.get(step.uses)
        return key_of(
            "step",
            self.session.run,
            self.definitions.workflow.hash,
            f"{contract.name}@{contract.version}" if contract else step.uses,
            step.name,
            start.item,
            start.attempt,
            dict(start.inputs),
            self._generation(step.name),
        )

    def _generation(self, step: str) -> int:
        """How often the operator sent the step back or answered it: a new generation is new work."""
        state = self.session.state.steps.get(step)
        return len(state.guidance) if state else 0


def finished(status: RunStatus) -> bool:
    return status in {RunStatus.DONE, RunStatus.FAILED, RunStatus.REJECTED, RunStatus.CANCELLED, RunStatus.REVERTED}


def _explained(answer: Mapping[str, Any], start: Start) -> dict[str, Any]:
    return {
        "inputs": dict(start.inputs),
        "manifest": answer["manifest"],
        "reasons": answer["reasons"],
        "findings": answer["findings"],
        "confidence": answer["confidence"],
    }


def _finding_line(finding: Mapping[str, Any]) -> str:
    return f"{finding['path']}:{finding['line']}: {finding['message']}"


def _soonest(commands: tuple[Any, ...], context: Context) -> float | None:
    """Seconds until the first timed wait is over; None where none is."""
    untils = [command.until for command in commands if isinstance(command, Wait) and command.until]
    if not untils:
        return None
    until = datetime.fromisoformat(min(untils))
    return max(0.0, (until - context.clock()).total_seconds())
