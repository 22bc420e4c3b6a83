"""The engines of the `offline` tier: no model, no invention, every sentence from the operator's own material."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from types import ModuleType

from aios.domain.agent import AgentCall, AgentReply, Engine, Tools

ROLES = (
    "planner", "researcher", "writer", "editor", "deployer", "monitor", "archivist",
    "bookkeeper", "supporter", "publicist",
)  # fmt: skip


class _Engines(Mapping[str, Engine]):
    """Role → engine; each is imported when it is first called."""

    def __getitem__(self, role: str) -> Engine:
        if role not in ROLES:
            raise KeyError(role)

        def engine(call: AgentCall, tools: Tools) -> AgentReply:
            found: Engine = getattr(_module(role), role)
            return found(call, tools)

        return engine

    def __iter__(self) -> Iterator[str]:
        return iter(ROLES)

    def __len__(self) -> int:
        return len(ROLES)


def _module(role: str) -> ModuleType:
    return importlib.import_module(f"aios.agents.offline.{role}")


def load(role: str, language: str) -> None:
    """Load what a role's engine needs, and the language (a two-letter code): whoever forks a process for each call does
    it once, before. For others it does nothing."""
    if role in ROLES:
        _module(role)
        importlib.import_module("aios.agents.offline.text.language").language(language)


ENGINES: Mapping[str, Engine] = _Engines()
