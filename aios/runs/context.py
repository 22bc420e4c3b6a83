"""What a run needs from the world, handed in by `aios.app`: nothing here reads the environment or a clock itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from aios.agents.tools import anew
from aios.connectors.drift import Folder
from aios.domain.agent import AgentReply, Derive, Engine, Tier
from aios.domain.effect import Connector
from aios.domain.event import AIOS_EMAIL, AIOS_NAME
from aios.domain.forge import Forge
from aios.domain.memory import Hit
from aios.domain.model import Model
from aios.domain.tree import Tree
from aios.store.git import Git
from aios.store.remote import Remote
from aios.trace.recorder import Recorder, silent

__all__ = ["AIOS_EMAIL", "AIOS_NAME", "Context", "Identity", "Progress", "Recall"]

# (models by tier, the contract as a judge) → the engine that works with them.
Assisted = Callable[[Mapping[Tier, Model], Callable[[AgentReply], Sequence[str]]], Engine]
# (tree, query, limit, kinds, now, only) → passages, best first
Recall = Callable[[Tree, str, int, Sequence[str], str, Sequence[str]], Sequence[Hit]]


@dataclass(frozen=True, slots=True)
class Identity:
    name: str
    email: str


@dataclass(frozen=True, slots=True)
class Progress:
    """One line of live progress. `state` is started, succeeded, failed, skipped, waiting, asked or retrying."""

    run: str
    step: str
    state: str
    item: int | None = None
    detail: str = ""
    seconds: float = 0.0


def _silent(_: Progress) -> None:
    return


@dataclass(frozen=True, slots=True)
class Context:
    """`main` is the branch of canonical state. `recall` and `connectors(tree)` are the memory and the boundary as seen
    from a tree. `checkpoint(name)` is called at every boundary that a crash may fall on (for tests). `patience` is how
    long, in seconds, a run waits in the foreground; `alive(worker)` whether another worker is still there (None where
    that cannot be known); `models(tree)` are the language models that a tree configures, by tier, `prospects(tree,
    agent, tokens)` what is known of them for a task of that size, as JSON, and `assisted` makes the engines in the box
    that work with a model; `ticks` is the clock of spans, in nanoseconds since 1970; without `records` nothing is
    recorded (to measure what recording costs). `derived(name, text, derive)` keeps what follows from a text alone, and
    `ready(agent, language)` loads what an agent's engine needs, once, before its attempts are forked.
    `recall_varies()`: does what recall answers depend on more than the tree, on vectors, say? Then it is recorded.
    `drift` is what services were seen to give in another shape, until it is on record.
    `recall_by_words` (None: it is `recall`) depends on the tree alone, as the recall of runs that recorded none of it.
    `remote` is the copy that several machines share (None: this one stands alone), `forge` where proposals are
    reviewed (None: in branches alone).
    """

    git: Git
    main: str
    clock: Callable[[], datetime]
    operator: Identity
    engines: Mapping[str, Engine]
    recall: Recall
    connectors: Callable[[Tree], Mapping[str, Connector]]
    worker: str = "local"
    report: Callable[[Progress], None] = _silent
    checkpoint: Callable[[str], None] = field(default=lambda _: None)
    pause: Callable[[float], None] = field(default=lambda _: None)
    patience: float = 120.0
    paused: Callable[[str], str] = lambda _: ""
    alive: Callable[[str], bool | None] = lambda _: False
    models: Callable[[Tree], Mapping[Tier, Model]] = lambda _: {}
    assisted: Mapping[str, Assisted] = field(default_factory=dict)
    prospects: Callable[[Tree, str, int], Mapping[str, Any]] = lambda _, __, ___: {}
    ticks: Callable[[], int] = lambda: 0
    records: bool = True
    derived: Callable[[str, str, Derive], str] = anew
    ready: Callable[[str, str], None] = lambda _, __: None
    recall_varies: Callable[[], bool] = lambda: False
    recall_by_words: Recall | None = None
    drift: Folder | None = None
    recorder: Recorder = field(default_factory=silent)
    remote: Remote | None = None
    forge: Forge | None = None

    def now(self) -> str:
        """The moment, ISO 8601, UTC, whole seconds."""
        return self.clock().astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
