"""Who asks, and what they may do."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field

LEVELS = ("none", "read", "write")
ACTIONS = "github-actions[bot]"


@dataclass(frozen=True, slots=True)
class Person:
    """An account. `id` is part of the address that GitHub writes into commits made in the browser."""

    login: str
    id: int
    name: str = ""

    @property
    def noreply(self) -> str:
        return f"{self.id}+{self.login}@users.noreply.github.com"

    @property
    def bot(self) -> bool:
        return self.login.endswith("[bot]")


@dataclass(slots=True)
class Token:
    """What a request authenticates by. A person's may do everything; a job's or an App's what `permissions` says.

    `used` are the permissions that something was done with, `refused` what was asked beyond them.
    """

    person: Person
    permissions: Mapping[str, str] | None = None
    job: str = ""
    app: bool = False
    value: str = field(default_factory=lambda: f"ghs_{secrets.token_hex(18)}")
    alive: bool = True
    used: set[tuple[str, str]] = field(default_factory=set)
    refused: list[str] = field(default_factory=list)

    @property
    def starts_workflows(self) -> bool:
        """Events made with a job's own token start none."""
        return not self.job or self.app

    def may(self, scope: str, level: str) -> bool:
        """Remembers what it was used for, or what it was refused."""
        if self.permissions is None:
            return True
        if LEVELS.index(self.permissions.get(scope, "none")) >= LEVELS.index(level):
            self.used.add((scope, level))
            return True
        self.refused.append(f"{scope}: {level}")
        return False

    def unused(self) -> dict[str, str]:
        """What it was given beyond what it used."""
        spare = {}
        for scope, level in (self.permissions or {}).items():
            if scope == "metadata":
                continue
            needed = max((LEVELS.index(used) for name, used in self.used if name == scope), default=0)
            if LEVELS.index(level) > needed:
                spare[scope] = f"{level}, used {LEVELS[needed]}"
        return spare
