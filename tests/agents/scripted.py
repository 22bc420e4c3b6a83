"""A model that answers from a list."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from aios.domain.model import Listen, ModelReply, Request, ToolCall, Usage


@dataclass
class Scripted:
    """Answers from a list; the last one repeats."""

    answers: Sequence[str | tuple[ToolCall, ...] | Exception]
    name: str = "tiny"
    price: float | None = 0.01
    asked: list[Request] = field(default_factory=list)

    def complete(self, request: Request, listen: Listen) -> ModelReply:
        self.asked.append(request)
        answer = self.answers[min(len(self.asked), len(self.answers)) - 1]
        if isinstance(answer, Exception):
            raise answer
        calls = answer if isinstance(answer, tuple) else ()
        return ModelReply("" if calls else str(answer), calls, Usage(100, 10), self.name)

    def cost(self, usage: Usage) -> float | None:
        return self.price


def wants(name: str, **given: Any) -> tuple[ToolCall, ...]:
    return (ToolCall("c1", name, json.dumps(given)),)
