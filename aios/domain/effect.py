"""Effects: acts outside git. Planned, approved, claimed, done at most once or asked about, receipted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
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
    amount: int = 0  # of money, in minor units of `currency`
    currency: str = ""


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
    """What a read brought in: JSON data, documents to keep as source records, and what was refused or odd.

    `cursor` is what the next read of the same capability is to be given as `params["cursor"]`, so that it brings only
    what is new; None where the read keeps no place.
    """

    data: Any
    documents: tuple[CollectedDocument, ...] = ()
    findings: tuple[Finding, ...] = ()
    cursor: Mapping[str, Any] | None = None


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

    Of a write: `lookup` says in words how an earlier attempt is found, and `authoritative` whether "not found" then
    proves that it never happened. `shows` says what the preview shows. `each` names the list in the payload of which
    every item is an effect of its own (one mail to 400 people is 400 mails), empty where the payload is one act.
    `late` is for how many seconds after a try something may still arrive that was sent then, so that "not found" proves
    nothing yet: 0 where acting twice with one key does what acting once does.
    `transient` names the failures after which a later attempt may work, in the service's words (`429`, `timeout`).

    Of a read: `result` is a JSON Schema of `Collected.data` as the service is known to give it; `cursor` tells whether
    it keeps its place from read to read.
    """

    name: str
    writes: bool
    payload: Mapping[str, Any]
    compensation: str = ""
    summary: str = ""
    lookup: str = ""
    authoritative: bool = True
    shows: str = ""
    each: str = ""
    late: float = 60.0
    transient: tuple[str, ...] = ()
    result: Mapping[str, Any] = field(default_factory=dict)
    cursor: bool = False


def parts(effect: Effect, capability: Capability) -> tuple[Effect, ...]:
    """The acts that an effect is made of, each with a key, a claim and a receipt of its own; itself where it is one.

    A part has the payload of the whole with a list of one item, so that the same mail to the same person is the same
    effect in whichever approval it stands.
    """
    items = effect.payload.get(capability.each) if capability.each else None
    if not isinstance(items, list | tuple):
        return (effect,)
    return tuple(
        replace(effect, target=_named(item), payload={**effect.payload, capability.each: [item]}) for item in items
    )


def _named(item: Any) -> str:
    """What an item of a list is called: its address or id, where it has one."""
    if isinstance(item, Mapping):
        return str(item.get("email") or item.get("id") or item.get("name") or "")
    return str(item)


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

    def undo(self, effect: Effect, receipt: Receipt) -> Effect | None:
        """The effect that undoes a done one, its payload bound to `receipt.key`; None where nothing does. Pure.

        Its capability is the one that `compensation` names; run, step and record stay those of `effect`.
        """
        ...

    def read(self, capability: str, params: Mapping[str, Any]) -> Collected: ...

    def check(self) -> Sequence[Finding]:
        """Is the service there and configured? For `aios doctor`; never changes anything."""
        ...
