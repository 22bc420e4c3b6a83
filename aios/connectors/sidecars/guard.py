"""The schema guard: what a service gives is compared with the shape that is known of it.

evolve   unknown fields pass; what does not fit is left out
freeze   another shape is refused: the read fails, and nothing is lost, for its place does not move
discard  unknown fields are dropped; what does not fit is left out

A change is told once: it is known when a signal or an accepted shape of the tree tells of it. That items were left out
is told every time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from aios.connectors.drift import Drift, in_words, sentence
from aios.connectors.shapes import Accepted, Change, Kind, Seen, added, extended, look, put_back
from aios.connectors.sidecars.passing import Passing
from aios.domain.effect import Collected, Effect, Outcome
from aios.domain.finding import Finding, Severity
from aios.errors import AiosError

_HINT = "`aios tick` proposes how to go on; what the service gives now is its own to say"


class SchemaPolicy(StrEnum):
    EVOLVE = "evolve"
    FREEZE = "freeze"
    DISCARD = "discard"


class DriftError(AiosError):
    """The service gives something of another shape, and it may not pass. Nothing of it was kept."""


@dataclass(frozen=True, slots=True)
class Guard(Passing):
    """`known` are ids of changes that are on record, `accepted` what was agreed to since, both by capability; `told`
    hears of what is new. `place` is the declaration's."""

    policy: SchemaPolicy
    accepted: Mapping[str, Accepted]
    known: Mapping[str, frozenset[str]]
    told: Callable[[Drift], None]
    place: tuple[str, int, int]

    def read(self, capability: str, params: Mapping[str, Any]) -> Collected:
        """Raises DriftError where the policy freezes the shape, or nothing that came can be used."""
        found = self.inner.read(capability, params)
        shape = self._shape(capability)
        if not shape:
            return found
        accepted = self.accepted.get(capability, Accepted())
        seen = look(
            shape,
            put_back(found.data, accepted),
            drop_unknown=self.policy is SchemaPolicy.DISCARD,
            before=added(self.known.get(capability, ())),
        )
        if not seen.changes:
            return replace(found, data=seen.data)
        new = self._news(capability, seen)
        if new:
            cursor = params.get("cursor")
            place = cursor if isinstance(cursor, Mapping) else None
            self.told(self._drift(capability, seen, new, place))
        self._refuse(capability, seen)
        findings = (*self._changes(capability, seen, new), *self._losses(capability, seen))
        return replace(found, data=seen.data, findings=(*found.findings, *findings))

    def act(self, effect: Effect) -> Outcome:
        """An act that was done stays done: drift in its answer is told, never an error."""
        outcome = self.inner.act(effect)
        shape = self._shape(effect.capability) if outcome.sent else {}
        seen = look(shape, dict(outcome.response)) if shape else Seen()
        new = self._news(effect.capability, seen)
        if new:
            self.told(replace(self._drift(effect.capability, seen, new, None), asks=False))
        return outcome

    def _shape(self, capability: str) -> Mapping[str, Any]:
        offered = self.inner.capabilities().get(capability)
        declared = offered.result if offered else {}
        return extended(declared, self.accepted.get(capability, Accepted())) if declared else {}

    def _news(self, capability: str, seen: Seen) -> tuple[Change, ...]:
        return tuple(each for each in seen.changes if each.id not in self.known.get(capability, frozenset()))

    def _drift(self, capability: str, seen: Seen, new: tuple[Change, ...], cursor: Mapping[str, Any] | None) -> Drift:
        passes = self.policy is SchemaPolicy.EVOLVE and all(each.kind is Kind.ADDED for each in new)
        said = {each.id: seen.changes[each] for each in new}
        return Drift(self.name, capability, self.policy.value, new, said, cursor, asks=not passes)

    def _refuse(self, capability: str, seen: Seen) -> None:
        if self.policy is SchemaPolicy.FREEZE:
            said = sentence(seen.changes)
            raise DriftError(f"{self.name} gives {capability} in another shape, and it is frozen: {said}", _HINT)
        useless = [where for where, (gone, of) in seen.left_out.items() if gone == of and "[]" not in where]
        if seen.data is None or useless:
            blame = [each for each in seen.changes if each.kind is not Kind.ADDED]
            raise DriftError(f"nothing of what {self.name} gives as {capability} can be used: {sentence(blame)}", _HINT)

    def _changes(self, capability: str, seen: Seen, new: tuple[Change, ...]) -> list[Finding]:
        return [
            Finding(
                *self.place,
                "schema-drift",
                f"{self.name}: {in_words(each)} in {capability} ({seen.changes[each]})",
                _HINT,
                Severity.WARNING,
            )
            for each in new
        ]

    def _losses(self, capability: str, seen: Seen) -> list[Finding]:
        return [
            Finding(
                *self.place,
                "schema-left-out",
                f"{self.name}: {gone} of {of} {where or 'items'} of {capability} were left out: they do not fit",
                "they are read again once their shape is accepted",
                Severity.WARNING,
            )
            for where, (gone, of) in seen.left_out.items()
        ]
