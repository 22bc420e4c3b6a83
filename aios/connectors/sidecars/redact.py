"""Secrets are known by their values, so that no value of one ever reaches a sink or leaves the stack."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from enum import Enum
from typing import Any, TypeVar

from aios.connectors.sidecars.passing import Passing
from aios.domain.effect import Collected, Effect, Lookup, Outcome, Preview
from aios.domain.finding import Finding
from aios.errors import AiosError

T = TypeVar("T")
_SHORT = 6  # characters: what is shorter is a word of many texts


class Secrets:
    """Gives secrets by name and remembers those it gave; `scrub` puts the name in the value's place."""

    def __init__(self, lookup: Callable[[str], str | None]) -> None:
        self._lookup = lookup
        self._given: dict[str, str] = {}

    def __call__(self, name: str) -> str | None:
        value = self._lookup(name)
        if value:
            self._given[value] = name
        return value

    def scrub(self, value: Any) -> Any:
        """A copy of JSON data without any secret in it, keys included."""
        return _scrubbed(value, self._named(self._given))

    def scrub_data(self, value: Any) -> Any:
        """The same for what a service gave and workflows go on with: the names that we go by there (an address, a short
        word) are no secrets, and taking them out would change what was read."""
        opaque = [secret for secret in self._given if len(secret) >= _SHORT and "@" not in secret]
        return _scrubbed(value, self._named(opaque)) if opaque else value

    def _named(self, secrets: Iterable[str]) -> list[tuple[str, str]]:
        return [(secret, f"[{self._given[secret]}]") for secret in sorted(secrets, key=len, reverse=True)]


def _scrubbed(value: Any, secrets: list[tuple[str, str]]) -> Any:
    if isinstance(value, str):
        for secret, name in secrets:
            value = value.replace(secret, name)
        return value
    if isinstance(value, Mapping):
        return {_scrubbed(key, secrets): _scrubbed(item, secrets) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_scrubbed(item, secrets) for item in value]
    return value


@dataclass(frozen=True, slots=True)
class Redact(Passing):
    """Nothing that comes out, an error least of all, tells a secret."""

    secrets: Secrets

    def preview(self, effect: Effect) -> Preview:
        return self._clean(lambda: self.inner.preview(effect))

    def lookup(self, effect: Effect) -> Lookup:
        return self._clean(lambda: self.inner.lookup(effect))

    def act(self, effect: Effect) -> Outcome:
        return self._clean(lambda: self.inner.act(effect))

    def read(self, capability: str, params: Mapping[str, Any]) -> Collected:
        return self._clean(lambda: self.inner.read(capability, params))

    def check(self) -> tuple[Finding, ...]:
        return self._clean(lambda: tuple(self.inner.check()))

    def _clean(self, work: Callable[[], T]) -> T:
        try:
            found = work()
        except Exception as error:
            self._mute(error)
            raise
        cleaned: T = self._of(found)
        return cleaned

    def _of(self, value: Any) -> Any:
        """The same without secrets, whatever it is made of."""
        if is_dataclass(value) and not isinstance(value, type):
            was = {each.name: getattr(value, each.name) for each in fields(value)}
            return replace(value, **{name: self._of(item) for name, item in was.items()})
        if isinstance(value, Enum):
            return value
        if isinstance(value, tuple):
            return tuple(self._of(item) for item in value)
        return self.secrets.scrub_data(value)

    def _mute(self, error: BaseException | None) -> None:
        """The error and those behind it: whoever prints a traceback prints them all."""
        for _ in range(20):
            if error is None:
                return
            error.args = tuple(self.secrets.scrub(each) for each in error.args)
            if isinstance(error, AiosError):
                error.message, error.hint = self.secrets.scrub(error.message), self.secrets.scrub(error.hint)
            data = getattr(error, "data", None)
            if data is not None:
                error.data = self.secrets.scrub(data)  # type: ignore[attr-defined]
            error = error.__cause__ or error.__context__
