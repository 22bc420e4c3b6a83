"""What is said to a language model and what it says back: the words that every provider shares."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any, Protocol

SAFE_CHARS_PER_TOKEN = 3  # English has four and more; other languages and code have fewer


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
class Terms:
    """On what terms a call is made: for whom, what it may cost, and how long it may take.

    `run_usd` and `run_tokens` are what the workflow grants the whole run, 0 for no limit; `grants` is how often the
    operator said to go on beyond a limit; `seconds` are left for the answer, None for as long as it takes. `fresh`: the
    operator wants it tried again, and no answer of before will do.
    """

    run: str = ""
    step: str = ""
    agent: str = ""
    run_usd: float = 0.0
    run_tokens: int = 0
    grants: int = 0
    seconds: float | None = None
    fresh: bool = False


@dataclass(frozen=True, slots=True)
class Request:
    """`schema` is what the answer must fit, as JSON; None for free text. `max_tokens` bounds the answer.

    `terms` are no part of the question: the same question on other terms has the same answer.
    """

    messages: tuple[Message, ...]
    tools: tuple[ToolSpec, ...] = ()
    schema: Mapping[str, Any] | None = None
    max_tokens: int = 4_000
    terms: Terms = field(default_factory=Terms)

    def question(self) -> dict[str, Any]:
        """What a service sees of it, as plain values."""
        told = asdict(self)
        del told["terms"]
        return told

    @property
    def tokens(self) -> int:
        """About how many tokens it has; rather too many than too few."""
        said = sum(len(each.text) + sum(len(call.arguments) for call in each.calls) for each in self.messages)
        offered = sum(len(str(each.parameters)) + len(each.description) for each in self.tools)
        return (said + offered + len(str(self.schema or ""))) // SAFE_CHARS_PER_TOKEN + 8 * len(self.messages)


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
