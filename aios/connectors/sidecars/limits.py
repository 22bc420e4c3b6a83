"""Bounds of a read: how many items, how many bytes, how long. What is beyond them is refused, so that nothing is lost:
the place that a read keeps does not move."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from aios.connectors.sidecars.passing import Passing
from aios.domain.effect import Collected
from aios.domain.keys import canonical_json
from aios.errors import AiosError, TransientError


@dataclass(frozen=True, slots=True)
class Bounds:
    """Most `items` and `bytes` in one read, and its longest time in `seconds`; None where there is no bound."""

    items: int | None = None
    bytes: int | None = None
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Limits(Passing):
    """Acts are never stopped: one that goes on behind our back would be done twice."""

    bounds: Bounds

    def read(self, capability: str, params: Mapping[str, Any]) -> Collected:
        """Raises TransientError where it takes too long, AiosError where it brings too much."""
        items = self.bounds.items
        if items is not None and self._takes_limit(capability):  # then the next read brings the rest
            given = params.get("limit")
            params = {**params, "limit": min(given, items) if isinstance(given, int) else items}
        found = self._in_time(lambda: self.inner.read(capability, params))
        self._require("items", _items(found), items, capability)
        self._require("bytes", _bytes(found) if self.bounds.bytes is not None else 0, self.bounds.bytes, capability)
        return found

    def _takes_limit(self, capability: str) -> bool:
        offered = self.inner.capabilities().get(capability)
        return offered is not None and "limit" in (offered.payload.get("properties") or {})

    def _require(self, what: str, count: int, most: int | None, capability: str) -> None:
        if most is not None and count > most:
            raise AiosError(
                f"{self.name} brought {count} {what} as {capability}, more than {most}",
                f"raise `limits.{what}` in state/connectors/{self.name}.yaml, or read less at once",
            )

    def _in_time(self, work: Callable[[], Collected]) -> Collected:
        if self.bounds.seconds is None:
            return work()
        found: list[Collected] = []
        failed: list[BaseException] = []

        def run() -> None:
            try:
                found.append(work())
            except BaseException as error:  # noqa: BLE001  raised again where it is waited for
                failed.append(error)

        # A read cannot be stopped from outside; it is left to itself, and ends with this process at the latest.
        thread = threading.Thread(target=run, daemon=True, name=f"{self.name} reads")
        thread.start()
        thread.join(self.bounds.seconds)
        if failed:
            raise failed[0]
        if not found:
            said = f"{self.name} took longer than {self.bounds.seconds:g} s"
            raise TransientError(said, f"see `limits.timeout` in state/connectors/{self.name}.yaml")
        return found[0]


def _items(found: Collected) -> int:
    """The documents, or the longest list at the top."""
    data = found.data
    lists = [data] if isinstance(data, list) else data.values() if isinstance(data, Mapping) else []
    return max([len(found.documents), *(len(each) for each in lists if isinstance(each, list | tuple))])


def _bytes(found: Collected) -> int:
    return sum(len(each.text.encode()) for each in found.documents) + len(canonical_json(found.data).encode())
