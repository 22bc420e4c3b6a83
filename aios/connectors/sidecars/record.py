"""Keeps what was asked of a service and what it said, for replay; without secrets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

from aios.connectors.sidecars.passing import Passing
from aios.domain.effect import Collected, Effect, Lookup, Outcome
from aios.errors import AiosError

T = TypeVar("T", Lookup, Outcome, Collected)


@dataclass(frozen=True, slots=True)
class Exchange:
    """One call. `answer` is JSON data; or `error` says how it failed, in one line."""

    connector: str
    did: str
    capability: str
    request: Mapping[str, Any]
    answer: Any
    error: str = ""


@dataclass(frozen=True, slots=True)
class Record(Passing):
    """`scrub` takes secrets out of JSON data."""

    sink: Callable[[Exchange], None]
    scrub: Callable[[Any], Any]

    def lookup(self, effect: Effect) -> Lookup:
        return self._keep("lookup", effect.capability, asdict(effect), lambda: self.inner.lookup(effect))

    def act(self, effect: Effect) -> Outcome:
        return self._keep("act", effect.capability, asdict(effect), lambda: self.inner.act(effect))

    def read(self, capability: str, params: Mapping[str, Any]) -> Collected:
        return self._keep("read", capability, dict(params), lambda: self.inner.read(capability, params))

    def _keep(self, did: str, capability: str, request: Mapping[str, Any], work: Callable[[], T]) -> T:
        try:
            result = work()
        except AiosError as error:
            self.sink(Exchange(self.name, did, capability, self.scrub(request), None, self.scrub(error.message)))
            raise
        self.sink(Exchange(self.name, did, capability, self.scrub(request), self.scrub(asdict(result))))
        return result
