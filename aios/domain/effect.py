"""Effects: acts outside git. Planned, approved, claimed, done at most once or asked about, receipted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

from aios.domain.finding import Finding
from aios.domain.keys import key_of


@dataclass(frozen=True, slots=True)
class Effect:
    """One act as the operator approves it. `key` is the hash of connector, capability, target and payload."""

    connector: str
    capability: str
    target: str
    payload: Mapping[str, Any]
    run: str = ""
    step: str = ""
    record: str = ""

    @property
    def key(self) -> str:
        return key_of("effect", self.connector, self.capability, self.target, dict(self.payload))


@dataclass(frozen=True, slots=True)
class Preview:
    """What the operator is shown: one sentence, the exact payload as text, and whether and how it can be undone."""

    summary: str
    text: str
    reversible: bool
    undo: str = ""


class HowKnown(StrEnum):
    ACTED = "acted"
    FOUND = "found"
    OPERATOR = "operator"


@dataclass(frozen=True, slots=True)
class Claim:
    key: str
    run: str
    step: str
    connector: str
    capability: str
    target: str
    payload_hash: str
    approved_commit: str
    claimed_by: str
    at: str


@dataclass(frozen=True, slots=True)
class Receipt:
    """`outcome` is `done`. `how` tells whether we acted, found it done, or the operator said so."""

    key: str
    outcome: str
    how: HowKnown
    at: str
    external_id: str = ""
    url: str = ""
    response_hash: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a service said after an act, or what a look-up found of an earlier one.

    `sent` is False where the act was only shown, not done (a dry run): such an outcome never becomes a receipt.
    """

    external_id: str
    url: str = ""
    response: Mapping[str, Any] = field(default_factory=dict)
    sent: bool = True


@dataclass(frozen=True, slots=True)
class Lookup:
    """`found` is None where no trace of the effect was seen; `authoritative` says that this proves its absence."""

    found: Outcome | None
    authoritative: bool


@dataclass(frozen=True, slots=True)
class Collected:
    """What a read brought in: JSON data, documents to keep as source records, and what was refused or odd."""

    data: Any
    documents: tuple[CollectedDocument, ...] = ()
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class CollectedDocument:
    """One outside text as Markdown. `origin` is its path or URL, `sha256` that of the original bytes."""

    origin: str
    title: str
    text: str
    sha256: str
    media_type: str


@dataclass(frozen=True, slots=True)
class Capability:
    """What a connector offers.

    `payload` is a JSON Schema of the payload (writes) or of the parameters (reads). `compensation` names the capability
    that undoes it, empty where nothing does.
    """

    name: str
    writes: bool
    payload: Mapping[str, Any]
    compensation: str = ""
    summary: str = ""


class Connector(Protocol):
    """An adapter to one service, and every sidecar around it.

    Errors: `TransientError` where the service says that a later attempt may work, any other `AiosError` for good.
    `act` must carry `effect.key` as the idempotency key where the service knows such a thing. Nothing here retries by
    itself; the retry sidecar does, around reads, look-ups and acts that raised `TransientError` before anything was
    sent.
    """

    @property
    def name(self) -> str: ...

    def capabilities(self) -> Mapping[str, Capability]: ...

    def target(self, capability: str, payload: Mapping[str, Any]) -> str:
        """Where the act would land, in the service's words (a URL, an address). Pure."""
        ...

    def preview(self, effect: Effect) -> Preview:
        """Exactly what `act` would do. Pure."""
        ...

    def lookup(self, effect: Effect) -> Lookup:
        """Was this very effect done already?"""
        ...

    def act(self, effect: Effect) -> Outcome:
        """Do it. Called only with a claim held and a look-up made."""
        ...

    def read(self, capability: str, params: Mapping[str, Any]) -> Collected: ...

    def check(self) -> Sequence[Finding]:
        """Is the service there and configured? For `aios doctor`; never changes anything."""
        ...
