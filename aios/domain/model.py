"""What is said to a language model and what it says back: the words that every provider shares."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol


class Role(StrEnum):
    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"
    TOOL = "tool"


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A tool that the model wants to use. `arguments` is JSON as the model wrote it, valid or not."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """A tool that is offered; `parameters` is a JSON Schema of its arguments."""

    name: str
    description: str
    parameters: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Message:
    """One turn. An assistant's may hold `calls`; a tool's answers the call `call_id`."""

    role: Role
    text: str
    calls: tuple[ToolCall, ...] = ()
    call_id: str = ""


@dataclass(frozen=True, slots=True)
class Request:
    """`schema` is what the answer must fit, as JSON; None for free text. `max_tokens` bounds the answer."""

    messages: tuple[Message, ...]
    tools: tuple[ToolSpec, ...] = ()
    schema: Mapping[str, Any] | None = None
    max_tokens: int = 4_000


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens. `estimated` where the service did not say."""

    input: int = 0
    output: int = 0
    cached: int = 0
    estimated: bool = False

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.input + other.input,
            self.output + other.output,
            self.cached + other.cached,
            self.estimated or other.estimated,
        )

    @property
    def total(self) -> int:
        return self.input + self.output


@dataclass(frozen=True, slots=True)
class ModelReply:
    """`model` is the one that answered; `finish` is stop, length, tool_calls …; `saved` what a cache spared."""

    text: str
    calls: tuple[ToolCall, ...] = ()
    usage: Usage = field(default_factory=Usage)
    model: str = ""
    finish: str = "stop"
    saved: Usage = field(default_factory=Usage)


Listen = Callable[[int], None]  # told how many characters came so far


class Model(Protocol):
    """A language model behind a service. Wrappers (retries, recordings …) are models too."""

    @property
    def name(self) -> str: ...

    def complete(self, request: Request, listen: Listen) -> ModelReply:
        """Raises TransientError where later may be better, RefusedError where the service or the model refuses."""
        ...

    def cost(self, usage: Usage) -> float | None:
        """US dollars, None where the price is not known."""
        ...
