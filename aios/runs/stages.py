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
from aios.domain.run import RunState, Skip
from aios.domain.tree import Tree
from aios.domain.workflow import StepKind, Workflow
from aios.errors import RefusedError
from aios.runs.context import Context
from aios.runs.decide import decide, status_of
from aios.runs.view import ancestors

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


def needed(workflow: Workflow, state: RunState, now: str) -> tuple[Stage, ...]:
    """The stages that the run needs until its next gate, as far as one round of the chain gets: what comes only after
    a step of a later stage is for the next round."""
    skipped = {each.step for each in decide(workflow, state, now) if isinstance(each, Skip)}
    done = skipped | {
        name
        for name in workflow.steps
        if status_of(workflow, state, name) in {StepStatus.SUCCEEDED, StepStatus.SKIPPED}
    }
    left = [step for name, step in workflow.steps.items() if name not in done]
    before = {step.name: {workflow.steps[name].kind for name in ancestors(workflow, step.name) - done} for step in left}

    def comes(kind: StepKind, after: set[StepKind]) -> bool:
        return any(step.kind is kind and before[step.name] <= after for step in left)

    found = (
        (Stage.COLLECT, comes(StepKind.COLLECT, {StepKind.COLLECT})),
        (Stage.AGENT, comes(StepKind.AGENT, {StepKind.COLLECT, StepKind.AGENT})),
        (Stage.PROPOSE, True),
    )
    return tuple(stage for stage, wanted in found if wanted)
