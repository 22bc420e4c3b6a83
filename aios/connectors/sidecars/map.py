"""Puts our words in the place of the service's, and the other way round, as `map` in the declaration says.

What is previewed, looked up and done is the same translation of what was approved, so that the preview is what is sent.
The effect keeps its key: it is what was meant, whatever the service calls it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from aios.connectors.mapping import Mapped, to_ours, to_theirs
from aios.connectors.mapping_declared import Translation
from aios.connectors.sidecars.passing import Passing
from aios.domain.effect import Collected, Effect, Lookup, Outcome, Preview, Receipt
from aios.domain.finding import Finding, Severity
from aios.errors import AiosError, RefusedError

_NONE = Translation()


@dataclass(frozen=True, slots=True)
class _InTheirWords(Effect):
    """An effect whose payload is the service's; its key is that of the effect that was approved."""

    of: str = ""

    @property
    def key(self) -> str:
        return self.of


@dataclass(frozen=True, slots=True)
class Map(Passing):
    """`translations` by capability; what has none is handed on as it is. `placed` gives the place of a field in the
    declaration."""

    translations: Mapping[str, Translation]
    placed: Callable[[str], tuple[str, int, int]]

    def target(self, capability: str, payload: Mapping[str, Any]) -> str:
        return self.inner.target(capability, self._sent(capability, payload))

    def preview(self, effect: Effect) -> Preview:
        return self.inner.preview(self._in_their_words(effect))

    def lookup(self, effect: Effect) -> Lookup:
        found = self.inner.lookup(self._in_their_words(effect))
        if found.found is None:
            return found
        return replace(found, found=self._outcome(effect.capability, found.found))

    def act(self, effect: Effect) -> Outcome:
        return self._outcome(effect.capability, self.inner.act(self._in_their_words(effect)))

    def undo(self, effect: Effect, receipt: Receipt) -> Effect | None:
        """Raises RefusedError where what undoes it cannot be told in our words without a loss."""
        undoing = self.inner.undo(self._in_their_words(effect), receipt)
        if undoing is None:
            return None
        name = undoing.capability
        always = self.translations.get(name, _NONE).always
        theirs = {key: value for key, value in undoing.payload.items() if key not in always}
        mapped = to_ours(self.translations.get(name, _NONE).payload, theirs)
        if mapped.data is None or mapped.losses or self._sent(name, mapped.data) != {**theirs, **always}:
            message = f"{name} undoes it, but `map` cannot say it in our words and back"
            raise RefusedError(message, f"see map.{name} in state/connectors/{self.name}.yaml")
        return Effect(undoing.connector, name, undoing.target, mapped.data, undoing.run, undoing.step, undoing.record)

    def read(self, capability: str, params: Mapping[str, Any]) -> Collected:
        """Raises AiosError where nothing of what came can be used; then nothing is kept, and the next read finds it."""
        found = self.inner.read(capability, self._sent(capability, params))
        rules = self.translations.get(capability, _NONE).result
        if not rules:
            return found
        if not isinstance(found.data, Mapping):
            raise AiosError(f"{self.name} gives no mapping as {capability}", self._see(capability))
        mapped = to_ours(rules, found.data)
        findings = self._told(capability, mapped)
        useless = [where for where, (gone, of) in mapped.left_out.items() if gone == of]
        if mapped.data is None or useless:
            raise AiosError(f"nothing of {capability} can be used: {findings[0].message}", self._see(capability))
        return replace(found, data=mapped.data, findings=(*found.findings, *findings))

    def _sent(self, capability: str, payload: Mapping[str, Any]) -> dict[str, Any]:
        """Raises RefusedError where a value would be lost on the way: nothing is sent by halves."""
        translation = self.translations.get(capability, _NONE)
        mapped = to_theirs(translation.payload, payload)
        for loss in mapped.losses:
            message = f"`{loss.field}` cannot be told to {self.name}: {loss.why}"
            raise RefusedError(message, self._see(capability))
        return {**mapped.data, **translation.always}

    def _in_their_words(self, effect: Effect) -> Effect:
        if effect.capability not in self.translations:
            return effect
        return _InTheirWords(
            effect.connector,
            effect.capability,
            effect.target,
            self._sent(effect.capability, effect.payload),
            effect.run,
            effect.step,
            effect.record,
            of=effect.key,
        )

    def _outcome(self, capability: str, outcome: Outcome) -> Outcome:
        """The act is done: what cannot be told of its answer is left in the service's words, never an error."""
        rules = self.translations.get(capability, _NONE).result
        mapped = to_ours(rules, outcome.response) if rules and outcome.sent else None
        if mapped is None or mapped.data is None or mapped.losses:
            return outcome
        return replace(outcome, response=mapped.data)

    def _told(self, capability: str, mapped: Mapped) -> list[Finding]:
        """One finding for each field that lost something, however many items did."""
        place, hint = self.placed(capability), self._see(capability)
        found = []
        for loss, count in mapped.losses.items():
            often = f" ({count} times)" if count > 1 else ""
            message = f"{self.name}: `{loss.field}` of {capability}: {loss.why}{often}"
            found.append(Finding(*place, "map-loss", message, hint, Severity.WARNING))
        for where, (gone, of) in mapped.left_out.items():
            message = f"{self.name}: {gone} of {of} `{where}` of {capability} are left out: a required field is missing"
            found.append(Finding(*place, "map-left-out", message, hint, Severity.WARNING))
        return found

    def _see(self, capability: str) -> str:
        return f"see map.{capability} in state/connectors/{self.name}.yaml"
