"""What crosses from one job to the next: orders, and the JSON file beside a bundle of commits. All of it is untrusted
until it was verified."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

HEAD = "refs/aios/handoff/head"  # in a bundle: the run's branch
# In a bundle, where the run left any: one commit without parents, whose tree holds the files for `aios/traces` by
# the paths that they have there. It depends on nobody else's traces, and whoever takes it in lays its files on top.
TRACES = "refs/aios/handoff/traces"


class Stage(StrEnum):
    """How far a run is carried on in one job: each has secrets and permissions of its own."""

    COLLECT = "collect"  # steps that read services; connectors' read keys
    AGENT = "agent"  # steps of agents; the model's key
    PROPOSE = "propose"  # no step: run record, verdict, branch, proposal; the repository's token
    APPLY = "apply"  # effects of what was approved; connectors' write keys


@dataclass(frozen=True, slots=True)
class Order:
    """One run to be worked on. `main` is main's tip when it was given, `tip` the branch's at the remote (empty: there
    is none yet), `start` how to start it (workflow, inputs, trigger; empty: it is there), `stages` what it needs, `at`
    when it was given (ISO 8601 UTC; empty: nobody noted it)."""

    id: str
    run: str
    main: str
    tip: str
    stages: tuple[str, ...]
    start: Mapping[str, Any] = field(default_factory=dict)
    at: str = ""

    def as_dict(self) -> dict[str, Any]:
        return {"schema": "order.v1", **asdict(self)}


@dataclass(frozen=True, slots=True)
class Handoff:
    """What a stage says of the bundle beside it. `collected` is the commit after the collect stage, `head` the newest,
    `traces` the commit of traces; each empty where there is none. `drift` is what services were seen to give in another
    shape, as JSON (`aios.connectors.drift`): it goes on record whatever becomes of the run."""

    order: str
    run: str
    main: str
    tip: str
    collected: str
    head: str
    traces: str
    stage: Stage
    version: str
    note: str = ""
    drift: str = ""

    def as_dict(self) -> dict[str, Any]:
        return {"schema": "handoff.v1", **asdict(self), "stage": self.stage.value}
