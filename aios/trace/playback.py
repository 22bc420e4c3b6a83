"""The other side of a recording: models and connectors that answer only what was answered then.

Whoever asks something else than was asked then hears `DivergedError`; nothing is ever looked up outside.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from aios.domain.effect import Capability, Collected, Connector, Effect, Lookup, Outcome, Preview, Receipt
from aios.domain.finding import Finding
from aios.domain.keys import canonical_json, digest
from aios.domain.model import Listen, ModelReply, Request, Usage
from aios.errors import RefusedError
from aios.trace.exchanges import collected_of, error_of, reply_of, request_data

_CONTEXT = 2  # lines around a difference


class DivergedError(Exception):
    """What is asked is not what was recorded; the message says where, with a diff. No error of a service: whoever
    handles those must not handle this.
    """


@dataclass(slots=True)
class Tape:
    """The exchanges of one attempt, in their order; each is played once."""

    exchanges: list[Mapping[str, Any]] = field(default_factory=list)
    parts: dict[str, Any] = field(default_factory=dict)
    played: int = 0

    @classmethod
    def of(cls, lines: Iterable[Mapping[str, Any]]) -> Tape:
        tape = cls()
        for line in lines:
            if "part" in line:
                tape.parts[line["part"]] = line["value"]
            elif "exchange" in line:
                tape.exchanges.append(line["exchange"])
        return tape

    @property
    def cut(self) -> bool:
        """Was more exchanged than was recorded?"""
        return any(exchange["kind"] == "cut" for exchange in self.exchanges)

    def holds(self, kind: str) -> bool:
        """Was anything of this kind exchanged?"""
        return any(exchange["kind"] == kind for exchange in self.exchanges)

    def next(self, kind: str, asked: Mapping[str, Any]) -> Mapping[str, Any]:
        """The next exchange, if it is the one that is asked for. Raises DivergedError."""
        number = self.played + 1
        if self.played >= len(self.exchanges):
            raise DivergedError(f"exchange {number} ({kind}) was not made then")
        found = self.exchanges[self.played]
        told = {name: found.get(name) for name in asked}
        if found["kind"] != kind or told != dict(asked):
            then, now = {"kind": found["kind"], **told}, {"kind": kind, **asked}
            raise DivergedError(f"exchange {number} differs:\n{self._difference(then, now)}")
        self.played += 1
        return found

    def end(self) -> None:
        """Raises DivergedError where something was exchanged then and not now."""
        left = len(self.exchanges) - self.played
        if left:
            kinds = ", ".join(str(each["kind"]) for each in self.exchanges[self.played :][:5])
            raise DivergedError(f"{left} of {len(self.exchanges)} exchanges were made then and not now: {kinds}")

    def _difference(self, then: Mapping[str, Any], now: Mapping[str, Any]) -> str:
        return difference(self._told(then), self._told(now))

    def _told(self, value: Any) -> Any:
        """Hashes replaced by what they stand for, where the recording has it."""
        if isinstance(value, Mapping):
            return {name: self._told(each) for name, each in value.items()}
        if isinstance(value, list):
            return [self._told(each) for each in value]
        return self.parts.get(value, value) if isinstance(value, str) else value


def difference(then: Any, now: Any) -> str:
    """Two values as JSON, compared line by line."""
    a, b = (_lines(value) for value in (then, now))
    return "\n".join(difflib.unified_diff(a, b, "then", "now", lineterm="", n=_CONTEXT))


def _lines(value: Any) -> list[str]:
    if isinstance(value, str):
        return value.splitlines()
    return json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True).replace("\\n", "\n").splitlines()


@dataclass(slots=True)
class PlayedModel:
    name: str
    tier: str
    tape: Tape
    costs: dict[Usage, float | None] = field(default_factory=dict)

    def cost(self, usage: Usage) -> float | None:
        """What it cost then: prices change."""
        return self.costs.get(usage)

    def complete(self, request: Request, listen: Listen) -> ModelReply:  # noqa: ARG002
        named: dict[str, Any] = {}
        question = request_data(request, lambda part: _noted(part, named))
        self.tape.parts |= named
        found = self.tape.next("model", {"tier": self.tier, "model": self.name, "request": question})
        if "error" in found:
            raise error_of(found["error"])
        reply = reply_of(found["reply"])
        self.costs |= {reply.usage: found["usd"], reply.saved: found["saved_usd"]}
        return reply


def _noted(part: Any, named: dict[str, Any]) -> str:
    key = digest(canonical_json(part).encode())
    named[key] = part
    return key


@dataclass(frozen=True, slots=True)
class PlayedConnector:
    """Reads what was read then. What it is and would do is asked of the real one, which contacts nothing for that."""

    inner: Connector
    tape: Tape

    @property
    def name(self) -> str:
        return self.inner.name

    def capabilities(self) -> Mapping[str, Capability]:
        return self.inner.capabilities()

    def target(self, capability: str, payload: Mapping[str, Any]) -> str:
        return self.inner.target(capability, payload)

    def preview(self, effect: Effect) -> Preview:
        return self.inner.preview(effect)

    def undo(self, effect: Effect, receipt: Receipt) -> Effect | None:
        return self.inner.undo(effect, receipt)

    def lookup(self, effect: Effect) -> Lookup:
        raise RefusedError(f"{effect.capability}: a replay asks no service")

    def act(self, effect: Effect) -> Outcome:
        raise RefusedError(f"{effect.capability}: a replay has no effects")

    def read(self, capability: str, params: Mapping[str, Any]) -> Collected:
        asked = {"connector": self.name, "capability": capability, "params": dict(params)}
        found = self.tape.next("read", asked)
        if "error" in found:
            raise error_of(found["error"])
        return collected_of(found["collected"])

    def check(self) -> Sequence[Finding]:
        return ()
