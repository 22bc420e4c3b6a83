"""What a job may do of a run. Where the work of a run is split over jobs with different keys, each is one stage: it
starts steps of its kind only, and leaves the run where the next one is for another. What becomes of the run is the same
as where one process does it all.

The chain: collect → agent → propose, and again from the beginning where a step of an earlier stage comes next (a read
that needs what an agent found, say): the branch is handed over as it stands, and the next plan finds what is left.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NoReturn

from aios.connectors.sidecars.passing import Passing
from aios.domain.agent import Tier
from aios.domain.effect import Collected, Connector, Effect, Lookup, Outcome
from aios.domain.event import StepStatus
from aios.domain.finding import Finding
from aios.domain.handoff import Stage
from aios.domain.model import Model
from aios.domain.run import RunState
from aios.domain.tree import Tree
from aios.domain.workflow import Step, StepKind, Workflow
from aios.errors import RefusedError
from aios.runs.context import Context
from aios.runs.decide import status_of

STAGES: Mapping[StepKind, Stage] = {
    StepKind.COLLECT: Stage.COLLECT,
    StepKind.AGENT: Stage.AGENT,
    StepKind.GATE: Stage.PROPOSE,
    StepKind.EFFECT: Stage.APPLY,
}


def may(stage: Stage | None, kind: StepKind) -> bool:
    """Is a step of this kind for the stage? All are where no stage is told."""
    return stage is None or STAGES[kind] is stage


def may_propose(stage: Stage | None) -> bool:
    """Does the stage write verdicts, merge by policy and end runs?"""
    return stage in (None, Stage.PROPOSE)


def writes_main(stage: Stage | None) -> bool:
    return stage in (None, Stage.PROPOSE, Stage.APPLY)


@dataclass(frozen=True, slots=True)
class Confined(Passing):
    """A connector in a stage that contacts nobody: it still says what it offers, and what an act would be."""

    stage: Stage = Stage.AGENT

    def read(self, capability: str, params: Mapping[str, object]) -> Collected:
        del params
        self._refuse(f"read {capability}")

    def lookup(self, effect: Effect) -> Lookup:
        self._refuse(f"look up {effect.capability}")

    def act(self, effect: Effect) -> Outcome:
        self._refuse(effect.capability)

    def check(self) -> Sequence[Finding]:
        self._refuse("be asked how it is")

    def _refuse(self, what: str) -> NoReturn:
        raise RefusedError(
            f"{self.name} was to {what} in the stage `{self.stage.value}`, which contacts no service",
            "nothing was sent; this is for another stage",
        )


def confined(context: Context, stage: Stage | None) -> Context:
    """The context without what the stage must not use: connectors only say what they offer where they are not for it,
    and models are there for agents alone."""
    if stage is None:
        return context

    declared = context.connectors

    def connectors(tree: Tree) -> Mapping[str, Connector]:
        return {name: Confined(each, stage) for name, each in declared(tree).items()}

    def no_models(_: Tree) -> Mapping[Tier, Model]:
        return {}

    if stage in (Stage.AGENT, Stage.PROPOSE):
        context = replace(context, connectors=connectors)
    return context if stage is Stage.AGENT else replace(context, models=no_models)


def needed(workflow: Workflow, state: RunState) -> tuple[Stage, ...]:
    """The stages that the run needs until its next gate, as far as one round of the chain gets: what comes only after
    a step of a later stage is for the next round."""
    open_steps = [step for step in workflow.steps.values() if status_of(workflow, state, step.name) is None]
    before = {step.name: _open_before(workflow, state, step) for step in open_steps}
    collects = any(step.kind is StepKind.COLLECT and before[step.name] <= {StepKind.COLLECT} for step in open_steps)
    agents = any(
        step.kind is StepKind.AGENT and before[step.name] <= {StepKind.COLLECT, StepKind.AGENT} for step in open_steps
    )
    found = ((Stage.COLLECT, collects), (Stage.AGENT, agents), (Stage.PROPOSE, True))
    return tuple(stage for stage, wanted in found if wanted)


def _open_before(workflow: Workflow, state: RunState, step: Step) -> frozenset[StepKind]:
    """The kinds of the steps before this one that are not done."""
    kinds: set[StepKind] = set()
    waiting, seen = list(step.needs), set[str]()
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        if status_of(workflow, state, name) not in {StepStatus.SUCCEEDED, StepStatus.SKIPPED}:
            kinds.add(workflow.steps[name].kind)
        waiting += workflow.steps[name].needs
    return frozenset(kinds)
