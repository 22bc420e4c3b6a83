"""The engines of the `offline` tier: no model, no invention, every sentence from the operator's own material."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping

from aios.domain.agent import AgentCall, AgentReply, Engine, Tools

ROLES = ("planner", "researcher", "writer", "editor", "deployer", "monitor", "archivist")


class _Engines(Mapping[str, Engine]):
    """Role → engine; each is imported when it is first called."""

    def __getitem__(self, role: str) -> Engine:
        if role not in ROLES:
            raise KeyError(role)

        def engine(call: AgentCall, tools: Tools) -> AgentReply:
            module = importlib.import_module(f"aios.agents.offline.{role}")
            found: Engine = getattr(module, role)
            return found(call, tools)

        return engine

    def __iter__(self) -> Iterator[str]:
        return iter(ROLES)

    def __len__(self) -> int:
        return len(ROLES)


ENGINES: Mapping[str, Engine] = _Engines()
