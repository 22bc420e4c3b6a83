"""Runs: one execution of a workflow, folded from its events."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from aios.domain.event import StepStatus


class RunStatus(StrEnum):
    RUNNING = "running"
    WAITING = "waiting"  # for the operator (a gate, a question) or for time
    DONE = "done"
    FAILED = "failed"
    REJECTED = "rejected"
    CANCELLED = "cancelled"
    REVERTED = "reverted"


# What the operator may answer where the run itself asks.
ACCEPT, GO_ON, OFFLINE, STOP = "accept the result", "go on", "work offline", "stop the run"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One ended attempt. `at` is when it ended, ISO 8601 UTC."""

    number: int
    status: StepStatus
    at: str
    output: Any = None
    error: str = ""
    transient: bool = False


@dataclass(frozen=True, slots=True)
class ItemState:
    """A step, or one item of a `for_each`: its attempts so far, oldest first."""

    attempts: tuple[Attempt, ...] = ()

    @property
    def last(self) -> Attempt | None:
        return self.attempts[-1] if self.attempts else None

    @property
    def status(self) -> StepStatus | None:
        return self.last.status if self.last else None


@dataclass(frozen=True, slots=True)
class StepState:
    """`items` maps the item's index, or None for a step without `for_each`, to its state.

    `question` is the open question, None where there is none; `guidance` the operator's words for this step; `paths`
    the files that its attempts wrote.
    """

    items: Mapping[int | None, ItemState] = field(default_factory=dict)
    question: Mapping[str, Any] | None = None
    guidance: tuple[str, ...] = ()
    paths: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Used:
    """How models were used: calls, answers that a cache gave and what those spared, the tiers whose answers were
    kept, and the models whose price is not known."""

    calls: int = 0
    hits: int = 0
    saved: float = 0.0
    tiers: frozenset[str] = frozenset()
    unpriced: frozenset[str] = frozenset()

    def plus(self, usage: Mapping[str, Any]) -> Used:
        """With one more attempt, as its event tells it; what has another form counts as not said."""

        def number(name: str) -> Any:
            found = usage.get(name, 0)
            return found if isinstance(found, int | float) else 0

        tiers, models = usage.get("tiers"), usage.get("models")
        kept = tiers.items() if isinstance(tiers, Mapping) else ()
        named = map(str, models) if usage.get("unpriced") and isinstance(models, list | tuple) else ()
        return Used(
            self.calls + int(number("calls")),
            self.hits + int(number("hits")),
            self.saved + number("saved_usd"),
            self.tiers | {tier for tier, outcome in kept if outcome == "right"},
            self.unpriced | set(named),
        )


@dataclass(frozen=True, slots=True)
class RunState:
    """Everything `decide` may know of a run, apart from the definition and the time.

    `gates` maps a gate's name to `approved`, `rejected` or `open`, `decided` to when that came to be (ISO 8601 UTC).
    `id` is `<workflow>/<subject>/<ulid>`.
    """

    id: str
    inputs: Mapping[str, Any]
    started_at: str
    base: str = ""
    trigger: Mapping[str, Any] = field(default_factory=dict)
    steps: Mapping[str, StepState] = field(default_factory=dict)
    gates: Mapping[str, str] = field(default_factory=dict)
    decided: Mapping[str, str] = field(default_factory=dict)
    cancelled: bool = False
    reverting: bool = False  # undoing it was allowed and begun
    finished: str = ""
    usd: float = 0.0
    tokens: int = 0
    used: Used = field(default_factory=Used)

    @property
    def workflow(self) -> str:
        return self.id.split("/")[0]

    @property
    def subject(self) -> str:
        return self.id.split("/")[1]

    @property
    def ulid(self) -> str:
        return self.id.split("/")[2]


# What `decide` wants done next. The runner acts on them; each is safe to issue again after a crash.


@dataclass(frozen=True, slots=True)
class Start:
    """Start an attempt at an agent, collect or effect step (or one of its items) with the evaluated `with`."""

    step: str
    item: int | None
    attempt: int
    inputs: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Skip:
    """Record that the step is not needed: its `when` is false, its list is empty, or what it needs was skipped."""

    step: str
    item: int | None
    why: str


@dataclass(frozen=True, slots=True)
class Fail:
    """Record that the step cannot run: its inputs cannot be evaluated. Trying again would not help."""

    step: str
    item: int | None
    why: str


@dataclass(frozen=True, slots=True)
class OpenGate:
    """Everything before the gate is done: propose."""

    step: str


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing to do before `until` (ISO 8601 UTC), because of `why`; an empty `until` waits for the operator."""

    step: str
    until: str
    why: str


@dataclass(frozen=True, slots=True)
class Finish:
    """The run is over. `status` is `done` or `failed`; `why` names the failed step and its error."""

    status: RunStatus
    why: str = ""


Command = Start | Skip | Fail | OpenGate | Wait | Finish
