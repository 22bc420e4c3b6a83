"""An answer as it comes in: events of a stream, read within bounds and put together whatever form they have.

Nothing of what a service sends is relied on: a value of another kind than it should be counts as not said.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from aios.domain.model import ModelReply, ToolCall, Usage
from aios.domain.outside import mended

LONGEST = 2_000_000  # characters of one answer
MOST = 32_000_000  # bytes of one answer: each word of it comes in an envelope
MOST_TOKENS = 100_000_000  # of one call; who counts more does not count
CHARS_PER_TOKEN = 4  # where a service does not count


class EndlessError(Exception):
    """The service sends more than any answer needs."""


class BrokenOffError(Exception):
    """The service says, in the middle of its answer, that something went wrong."""


def events(pieces: Iterable[bytes]) -> Iterator[Any]:
    """The JSON value of each event. Raises ValueError for what is none, EndlessError for too many bytes."""
    data = bytearray()
    for line in _lines(pieces):
        if line.startswith(b"data:"):
            data += line[5:] + b"\n"
        elif not line and data:
            if data.strip() == b"[DONE]":
                return
            yield _value(data)
            data.clear()
    if bytes(data).strip() not in {b"", b"[DONE]"}:
        yield _value(data)


def whole(pieces: Iterable[bytes]) -> Iterator[Any]:
    """The one JSON value of an answer that is not streamed."""
    yield _value(b"".join(_counted(pieces)))


def _lines(pieces: Iterable[bytes]) -> Iterator[bytes]:
    begun: list[bytes] = []
    for piece in _counted(pieces):
        first, *others = piece.split(b"\n")
        begun.append(first)
        if others:
            yield b"".join(begun).rstrip(b"\r")
            begun = [others.pop()]
            yield from (line.rstrip(b"\r") for line in others)
    yield b"".join(begun).rstrip(b"\r")


def _counted(pieces: Iterable[bytes]) -> Iterator[bytes]:
    size = 0
    for piece in pieces:
        size += len(piece)
        if size > MOST:
            raise EndlessError
        yield piece


def _value(data: bytes | bytearray) -> Any:
    try:
        return json.loads(data)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


@dataclass(slots=True)
class _Call:
    id: str
    name: str = ""
    arguments: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Heard:
    """What was said so far. `size` counts its characters."""

    text: list[str] = field(default_factory=list)
    calls: list[_Call] = field(default_factory=list)
    refusal: str = ""
    finish: str = ""
    model: str = ""
    usage: Mapping[str, Any] = field(default_factory=dict)
    size: int = 0
    _open: dict[Any, _Call] = field(default_factory=dict)

    def take(self, told: Any) -> None:
        """Add an event. Raises ValueError for what cannot be one, EndlessError, BrokenOffError."""
        if not isinstance(told, Mapping):
            raise ValueError("an event must be an object")  # noqa: TRY004  as for all that cannot be read
        if told.get("error"):
            said = _mapping(told["error"]).get("message") or told["error"]
            raise BrokenOffError(_line(said, 200))
        self.model = _line(told.get("model"), 100) or self.model
        self.usage = _mapping(told.get("usage")) or self.usage
        for choice in _list(told.get("choices"))[:1]:
            self._choice(_mapping(choice))
        if self.size > LONGEST:
            raise EndlessError

    def _choice(self, choice: Mapping[str, Any]) -> None:
        delta = _mapping(choice.get("delta") or choice.get("message"))
        self.finish = _line(choice.get("finish_reason"), 40) or self.finish
        said, refused = _text(delta.get("content")), _text(delta.get("refusal"))
        self.text.append(said)
        self.refusal += refused
        self.size += len(said) + len(refused)
        for call in _list(delta.get("tool_calls")):
            self._call(_mapping(call))
        if self.finish == "content_filter":
            self.refusal = self.refusal or "its filter stopped the answer"

    def _call(self, told: Mapping[str, Any]) -> None:
        """A piece of a call. Some services number all of them 0, or none: another id is another call."""
        index = told.get("index") if isinstance(told.get("index"), int) else None
        known = _text(told.get("id"))[:200]
        call = self._open.get(index)
        if call is None or (known and call.id and known != call.id):
            call = self._open[index] = _Call(known)
            self.calls.append(call)
        function = _mapping(told.get("function"))
        arguments = _text(function.get("arguments"))
        call.id = call.id or known
        call.name = call.name or _line(function.get("name"), 100)
        call.arguments.append(arguments)
        self.size += len(arguments) + 1

    def reply(self, sent: int, model: str) -> ModelReply:
        """The answer as a whole; `sent` is how many characters were asked."""
        calls = tuple(
            ToolCall(mended(call.id) or f"call-{number}", call.name, mended("".join(call.arguments)))
            for number, call in enumerate(self.calls)
        )
        return ModelReply(mended("".join(self.text)), calls, self._used(sent), self.model or model, self.finish)

    def _used(self, sent: int) -> Usage:
        into, out = _count(self.usage.get("prompt_tokens")), _count(self.usage.get("completion_tokens"))
        if into is None or out is None:
            return Usage(sent // CHARS_PER_TOKEN + 1, self.size // CHARS_PER_TOKEN + 1, estimated=True)
        cached = _count(_mapping(self.usage.get("prompt_tokens_details")).get("cached_tokens")) or 0
        return Usage(into, out, min(cached, into))


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: Any) -> str:
    """A text, or the texts of an answer in parts."""
    parts = (_mapping(part) for part in _list(value))
    told = value if isinstance(value, str) else [part["text"] for part in parts if part.get("type") == "text"]
    return told if isinstance(told, str) else "".join(each for each in told if isinstance(each, str))


def _line(value: Any, limit: int) -> str:
    return mended(" ".join(str(value).split())[:limit]) if isinstance(value, str | Mapping) else ""


def _count(value: Any) -> int | None:
    return value if type(value) is int and 0 <= value <= MOST_TOKENS else None
