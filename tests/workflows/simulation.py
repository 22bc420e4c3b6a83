"""Random workflows and a world that does what `decide` commands, with outcomes by chance; checks each command."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any

from aios.domain.event import StepStatus
from aios.domain.run import Command, Fail, Finish, OpenGate, RunState, RunStatus, Skip, Start, Wait
from aios.domain.workflow import Retry, Step, StepKind, Workflow
from aios.runs.decide import decide
from aios.runs.history import Fact, apply

BEGAN = datetime.fromisoformat("2026-03-28T22:00:00+00:00")
EMPTY = {"items": [], "n": 0, "ok": False}
OUTPUT = {
    "type": "object",
    "properties": {"items": {"type": "array"}, "n": {"type": "number"}, "ok": {"type": "boolean"}},
}
Slot = tuple[str, int | None]


def iso(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def workflow_of(*steps: Step, inputs: dict[str, Any] | None = None) -> Workflow:
    return Workflow("w", "", (), inputs or {}, "s", {step.name: step for step in steps})


def random_workflow(chance: Random) -> Workflow:
    """One to seven steps; each needs some of those before it and may depend on what they gave."""
    steps: list[Step] = []
    for number in range(chance.randint(1, 7)):
        kind = chance.choice([*StepKind, StepKind.AGENT, StepKind.AGENT])
        needs = tuple(step.name for step in steps if chance.random() < 0.4)
        readable = [
            step.name for step in steps if step.name in needs and step.kind is not StepKind.GATE and not step.for_each
        ]
        conditions = ["", "", "inputs.flag", "!inputs.flag", *(f"steps.{name}.ok" for name in readable)]
        lists = ["inputs.list", "[]", *(f"steps.{name}.items" for name in readable)]
        many = kind in {StepKind.AGENT, StepKind.COLLECT} and chance.random() < 0.4
        steps.append(
            Step(
                name=f"s{number}",
                kind=kind,
                uses="x",
                needs=needs,
                with_={"n": f"${{{{ steps.{chance.choice(readable)}.n * 2.0 }}}}"} if readable else {"n": 1},
                when="" if kind is StepKind.GATE else chance.choice(conditions),
                for_each=chance.choice(lists) if many else "",
                parallel=chance.randint(1, 3),
                retry=Retry(chance.randint(1, 3), backoff=chance.choice([0.5, 2.0, 90.0]), ceiling=100.0),
                after=chance.choice([0.0, 0.0, 0.0, 3600.0, 604_800.0]),
                empty=EMPTY,
                output=OUTPUT,
            )
        )
    return workflow_of(*steps)


@dataclass(slots=True)
class World:
    """A run in progress. `started` counts the attempts of each slot; `ended` holds steps that are over, and when."""

    workflow: Workflow
    chance: Random
    state: RunState
    now: datetime = BEGAN
    in_flight: dict[Slot, Start] = field(default_factory=dict)
    started: dict[Slot, list[int]] = field(default_factory=dict)
    transient: float = 0.2
    permanent: float = 0.05
    asking: float = 0.05
    rejecting: float = 0.05

    @classmethod
    def of(cls, workflow: Workflow, chance: Random) -> World:
        inputs = {"flag": chance.random() < 0.5, "list": list(range(chance.randint(0, 4)))}
        return cls(workflow, chance, RunState("w/s/u", inputs, iso(BEGAN)))

    def tell(self, type_: str, step: str, **facts: Any) -> None:
        self.state = apply(self.state, Fact(type=type_, at=iso(self.now), step=step, **facts))

    def run(self, limit: int = 2000) -> Finish:
        """To the end; raises AssertionError where a command is wrong or the run does not end."""
        for _ in range(limit):
            commands = decide(self.workflow, self.state, iso(self.now), in_flight=frozenset(self.in_flight))
            self.check(commands)
            finish = next((each for each in commands if isinstance(each, Finish)), None)
            if finish and not self.in_flight:
                return finish
            self.act(commands)
            self.now += timedelta(seconds=self.chance.choice([0, 0, 1, 7]))
        raise AssertionError("the run does not end")

    def act(self, commands: tuple[Command, ...]) -> None:
        acted = False
        for command in commands:
            if isinstance(command, Start):
                self.started.setdefault((command.step, command.item), []).append(command.attempt)
                self.in_flight[command.step, command.item] = command
                acted = True
            elif isinstance(command, Skip | Fail):
                status = StepStatus.FAILED if isinstance(command, Fail) else StepStatus.SKIPPED
                self.tell(f"step.{status.value}", command.step, item=command.item, attempt=1, status=status.value)
                acted = True
        if self.in_flight and (not acted or self.chance.random() < 0.7):
            slot = self.chance.choice(sorted(self.in_flight, key=str))
            self.end(self.in_flight.pop(slot))
        elif not acted:
            self.wait_or_decide(commands)

    def wait_or_decide(self, commands: tuple[Command, ...]) -> None:
        gate = next((each for each in commands if isinstance(each, OpenGate)), None)
        if gate:
            self.tell("proposal.opened", gate.step)
            return
        waits = [each for each in commands if isinstance(each, Wait)]
        assert waits
        asked = [wait for wait in waits if not wait.until]
        if asked and (len(asked) == len(waits) or self.chance.random() < 0.5):
            step = self.workflow.steps[asked[0].step]
            if step.kind is StepKind.GATE:
                rejected = self.chance.random() < self.rejecting
                self.tell("proposal.rejected" if rejected else "proposal.approved", step.name)
            else:
                self.tell("question.answered", step.name, output={"answer": "yes"})
            return
        self.now = min(datetime.fromisoformat(wait.until) for wait in waits if wait.until)

    def end(self, start: Start) -> None:
        roll = self.chance.random()
        facts: dict[str, Any] = {"item": start.item, "attempt": start.attempt}
        if roll < self.transient + self.permanent:
            facts |= {"error": "no", "transient": roll < self.transient}
            self.tell("step.failed", start.step, status="failed", **facts)
        elif roll < self.transient + self.permanent + self.asking:
            self.tell("question.asked", start.step, item=start.item, status="waiting", output={"text": "which?"})
        else:
            output = {
                "items": list(range(self.chance.randint(0, 3))),
                "n": self.chance.choice([0, 1, 0.5]),
                "ok": self.chance.random() < 0.7,
            }
            self.tell("x.done", start.step, status="succeeded", output=output, **facts)

    # What must hold of every answer

    def check(self, commands: tuple[Command, ...]) -> None:
        assert commands or self.in_flight
        slots = [(each.step, each.item) for each in commands if isinstance(each, Start)]
        assert len(set(slots)) == len(slots)
        assert not set(slots) & set(self.in_flight)
        for command in commands:
            if isinstance(command, Start | Skip | Fail | OpenGate):
                self.check_order(self.workflow.steps[command.step])
            if isinstance(command, Start):
                self.check_start(command)
            if isinstance(command, Wait) and command.until:
                assert datetime.fromisoformat(command.until) > self.now
        for name, step in self.workflow.steps.items():
            if step.for_each:
                busy = [slot for slot in [*slots, *self.in_flight] if slot[0] == name]
                assert len(busy) <= step.parallel
        finish = next((each for each in commands if isinstance(each, Finish)), None)
        if finish:
            assert len(commands) == 1
            self.check_finish(finish)

    def check_order(self, step: Step) -> None:
        ends = [self.ended(need) for need in step.needs]
        assert None not in ends, f"{step.name} before what it needs"
        if step.after and step.kind is not StepKind.GATE:
            last = max((end for end in ends if end), default=BEGAN)
            assert self.now >= last + timedelta(seconds=step.after)

    def check_start(self, start: Start) -> None:
        step = self.workflow.steps[start.step]
        items = self.state.steps[start.step].items if start.step in self.state.steps else {}
        attempts = items[start.item].attempts if start.item in items else ()
        assert start.attempt == len(attempts) + 1 <= step.retry.attempts
        assert (start.item is None) == (not step.for_each)
        if attempts:
            last = attempts[-1]
            assert last.status is StepStatus.FAILED
            assert last.transient
            pause = min(step.retry.backoff * 2 ** (len(attempts) - 1), step.retry.ceiling)
            assert self.now >= datetime.fromisoformat(last.at) + timedelta(seconds=pause)

    def check_finish(self, finish: Finish) -> None:
        states = {name: self.ended(name) for name in self.workflow.steps}
        if finish.status is RunStatus.DONE:
            assert None not in states.values()
            assert "rejected" not in self.state.gates.values()
        elif finish.status is RunStatus.FAILED:
            assert any(
                item.status is StepStatus.FAILED for step in self.state.steps.values() for item in step.items.values()
            )
        elif finish.status is RunStatus.REJECTED:
            assert "rejected" in self.state.gates.values()

    def ended(self, name: str) -> datetime | None:
        """When the step ended well, by what was told; None while it has not."""
        step = self.workflow.steps[name]
        if step.kind is StepKind.GATE:
            return (
                datetime.fromisoformat(self.state.decided[name]) if self.state.gates.get(name) == "approved" else None
            )
        if name not in self.state.steps or self.state.steps[name].question is not None:
            return None
        items = self.state.steps[name].items
        done = {StepStatus.SUCCEEDED, StepStatus.SKIPPED}
        if not items or any(item.status not in done for item in items.values()):
            return None
        return max(datetime.fromisoformat(attempt.at) for item in items.values() for attempt in item.attempts)
