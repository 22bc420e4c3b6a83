"""Workflows: declared steps, read from `workflows/<name>.yaml` at a run's base commit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class StepKind(StrEnum):
    AGENT = "agent"  # an agent call, writes the branch
    COLLECT = "collect"  # a read through a connector, into the step's output (and source records)
    GATE = "gate"  # the operator's merge; nothing after it happens without
    EFFECT = "effect"  # an act outside git


@dataclass(frozen=True, slots=True)
class Retry:
    attempts: int = 1
    backoff: float = 2.0  # seconds before the second attempt; doubles, with no jitter so that a run can be replayed
    ceiling: float = 300.0


@dataclass(frozen=True, slots=True)
class Escalate:
    below: float
    to: tuple[str, ...]  # "small", "large", "operator"


@dataclass(frozen=True, slots=True)
class Step:
    """One step. `uses` is the agent, the capability, or the approver of a gate (`operator`).

    `needs` holds the explicit needs and those implied by expressions that read another step's output. `timeout` and
    `after` are seconds; `after` counts from the end of the last of `needs`. `empty` is what other steps
    read as its output where it was skipped, `output` the JSON Schema of what it gives where that is known. Expressions
    stay text here.
    """

    name: str
    kind: StepKind
    uses: str
    needs: tuple[str, ...] = ()
    with_: Mapping[str, Any] = field(default_factory=dict)
    when: str = ""
    for_each: str = ""
    parallel: int = 1
    retry: Retry = Retry()
    timeout: float = 300.0
    after: float = 0.0
    compensate: str = ""
    escalate: Escalate | None = None
    empty: Mapping[str, Any] = field(default_factory=dict)
    output: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Trigger:
    """`kind` is manual, schedule, event or signal; `spec` what the YAML says of it."""

    kind: str
    spec: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Budget:
    usd: float = 0.0
    tokens: int = 0
    minutes: float = 0.0


@dataclass(frozen=True, slots=True)
class Workflow:
    """A whole definition. `steps` are in an order that respects `needs`; `hash` identifies this very definition."""

    name: str
    summary: str
    triggers: tuple[Trigger, ...]
    inputs: Mapping[str, Mapping[str, Any]]
    subject: str
    steps: Mapping[str, Step]
    budget: Budget = Budget()
    hash: str = ""
    path: str = ""
