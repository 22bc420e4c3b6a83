"""Agents: what a contract declares, what an agent is asked, what it is allowed to touch, what it gives back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

from aios.domain.finding import Finding
from aios.domain.memory import Hit
from aios.domain.model import Terms
from aios.domain.record import Record


class Tier(StrEnum):
    OFFLINE = "offline"
    SMALL = "small"
    LARGE = "large"


@dataclass(frozen=True, slots=True)
class Invariant:
    """`rule` in words, and either `check` (a named check of ours) or `expr` (CEL over the resulting tree)."""

    rule: str
    check: str = ""
    expr: str = ""


@dataclass(frozen=True, slots=True)
class Contract:
    """An agent's contract, read from `state/agents/<name>.yaml` at the run's base commit.

    `reads` and `writes` are globs over paths; `writes` may hold `${{ input.… }}` expressions. `input` and `output` are
    JSON Schemas, references resolved. `event` is the type of the event that a success makes.
    """

    name: str
    version: int
    summary: str
    tier: Tier
    input: Mapping[str, Any]
    output: Mapping[str, Any]
    reads: tuple[str, ...]
    writes: tuple[str, ...]
    effects: tuple[str, ...] = ()
    context_tokens: int = 12_000
    context_recall: int = 12
    invariants: tuple[Invariant, ...] = ()
    escalate_below: float = 0.0
    escalate_to: tuple[str, ...] = ()
    budget_usd: float = 0.0
    budget_calls: int = 0
    event: str = ""
    instructions: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Found:
    """What an earlier step of the run gave: its output, as JSON, and what the operator said to it (answers, say)."""

    step: str
    item: int | None
    output: Any
    said: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AgentCall:
    """One request to an agent.

    `now` is the run's moment (ISO 8601, UTC): the only clock an agent has. `guidance` are the operator's words on
    earlier attempts, oldest first. Equal calls give equal replies. `terms` are what models may cost, and how long the
    attempt may take; `found` is what the steps before gave, oldest first.
    """

    contract: Contract
    input: Mapping[str, Any]
    run: str
    step: str
    now: str
    item: int | None = None
    guidance: tuple[str, ...] = ()
    terms: Terms = field(default_factory=Terms)
    found: tuple[Found, ...] = ()


@dataclass(frozen=True, slots=True)
class Reason:
    """Why an agent did what it did: a line for `aios explain`. `refs` are record refs or `path:start-end`."""

    what: str
    why: str
    refs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Question:
    """What an agent or the executor must ask the operator. `options` may be empty: then any text answers it."""

    text: str
    options: tuple[str, ...] = ()
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AgentReply:
    """What an agent gives back. Judged by the files it leaves, never by what it says.

    `files` maps paths to their whole new text, None to delete. `confidence` lies in 0..1. With a `question` the step
    waits for the operator and is asked again with the answer in `guidance`. `usage` is what models cost: `usd`, `input`
    and `output` tokens, `calls`, `models`; empty where none was asked. `manifest` tells what a model was given and what
    was left out, beyond what the tools note.
    """

    output: Mapping[str, Any]
    files: Mapping[str, str | None] = field(default_factory=dict)
    title: str = ""
    reasons: tuple[Reason, ...] = ()
    findings: tuple[Finding, ...] = ()
    confidence: float = 1.0
    question: Question | None = None
    usage: Mapping[str, Any] = field(default_factory=dict)
    manifest: Mapping[str, Any] = field(default_factory=dict)


# What follows from a text alone: the same text gives the same, on every machine.
Derive = Callable[[str], str]


class Tools(Protocol):
    """An agent's only doors, limited by its contract. Reading outside `reads` raises `RefusedError`."""

    def read(self, path: str) -> str | None:
        """A file's text, None where there is none."""
        ...

    def front(self, path: str) -> str | None:
        """A Markdown file's front matter alone, `""` where it has none, None where there is no file."""
        ...

    def paths(self, pattern: str) -> Sequence[str]:
        """Files that match a glob (`**` crosses directories) and that the contract lets the agent read, sorted."""
        ...

    def record(self, kind: str, record_id: str) -> Record | None: ...

    def records(self, kind: str) -> Sequence[Record]:
        """All valid records of a kind, sorted by id."""
        ...

    def recall(self, query: str, *, limit: int = 0, kinds: Sequence[str] = ()) -> Sequence[Hit]:
        """Passages from memory, sources, content and decisions, best first; `limit` 0 means the contract's."""
        ...

    def derived(self, name: str, text: str, derive: Derive) -> str:
        """`derive(text)`, which may come from an earlier call. `name` stands for all else that decides the result."""
        ...


class Engine(Protocol):
    """How an agent thinks in one tier. Pure but for its tools: equal calls over equal trees give equal replies."""

    def __call__(self, call: AgentCall, tools: Tools) -> AgentReply: ...
