"""Secrets are known by their values, so that no value of one ever reaches a sink."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any


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
        if isinstance(value, str):
            for secret in sorted(self._given, key=len, reverse=True):
                value = value.replace(secret, f"[{self._given[secret]}]")
            return value
        if isinstance(value, Mapping):
            return {self.scrub(key): self.scrub(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.scrub(item) for item in value]
        return value
