"""A service that speaks OpenAI's chat completions, asked through its own client.

Answers are streamed, so that a dead connection is noticed and progress is seen. What goes wrong is sorted into what
may be tried again and what may not; nothing of a key is ever in a message.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from aios.domain.model import Listen, Message, ModelReply, Request, Role, ToolCall, Usage
from aios.errors import AiosError, RefusedError, TransientError
from aios.llm.settings import Settings

CHARS_PER_TOKEN = 4  # where a service does not count
LONGEST = 2_000_000  # characters of one answer


@dataclass(slots=True)
class Compatible:
    """`structured`: whether the service takes a JSON Schema for its answer; learnt where leaving it out helps."""

    settings: Settings
    structured: bool = True

    @property
    def name(self) -> str:
        return self.settings.model

    def complete(self, request: Request, listen: Listen) -> ModelReply:
        if self.settings.missing[0]:
            raise RefusedError(*self.settings.missing)
        try:
            return self._complete(request, listen, structured=self.structured)
        except _SchemaRefusedError:
            reply = self._complete(request, listen, structured=False)
            self.structured = False
            return reply

    def cost(self, usage: Usage) -> float | None:
        if self.settings.price is not None:
            each = self.settings.price
            return (usage.input * each[0] + usage.output * each[1]) / 1_000_000
        from genai_prices import Usage as Counted
        from genai_prices import calc_price

        counted = Counted(input_tokens=usage.input, output_tokens=usage.output, cache_read_tokens=usage.cached)
        try:
            return float(calc_price(counted, self.settings.model, provider_api_url=self._url).total_price)
        except LookupError:
            return None

    @property
    def window(self) -> int:
        """How many tokens it takes at once; 0 where that is not known."""
        if self.settings.window:
            return self.settings.window
        from genai_prices.data_snapshot import get_snapshot

        try:
            _, known = get_snapshot().find_provider_model(self.name, None, None, self._url)
        except LookupError:
            return 0
        return known.context_window or 0

    @property
    def _url(self) -> str:
        return self.settings.base_url or "https://api.openai.com"

    def _complete(self, request: Request, listen: Listen, *, structured: bool) -> ModelReply:
        started, seconds = time.monotonic(), request.terms.seconds
        asked = _asked(request, self.settings.model, structured=structured)
        heard = _Heard()
        from openai import OpenAI  # 350 ms, and only where a model is used

        # A client for each call: attempts run in processes of their own, and a connection is nothing to inherit.
        client = OpenAI(
            api_key=self.settings.key or "none",
            base_url=self.settings.base_url or None,
            timeout=self.settings.timeout if seconds is None else max(0.1, min(self.settings.timeout, seconds)),
            max_retries=0,
        )
        with self._errors(sent_schema=structured and request.schema is not None), client:
            for chunk in client.chat.completions.create(**asked):
                heard.take(chunk)
                listen(heard.size)
                if seconds is not None and time.monotonic() - started > seconds:
                    raise TransientError(f"{self.name} was still talking after {seconds:.0f} s, all the time there was")
                if heard.size > LONGEST:
                    raise RefusedError(f"{self.name} does not stop talking", "lower `max_tokens`, or try another model")
        if heard.refusal:
            raise RefusedError(f"{self.name} refuses: {heard.refusal[:200]}", "change the instructions or the input")
        if not heard.ended:
            raise TransientError(f"{self.name}'s answer broke off")
        return heard.reply(asked, self.settings.model)

    @contextmanager
    def _errors(self, *, sent_schema: bool) -> Iterator[None]:
        import openai

        try:
            yield
        except openai.APIStatusError as error:
            if sent_schema and error.status_code in {400, 422} and not _too_long(error):
                raise _SchemaRefusedError from error
            raise _of_status(error, self.settings) from error
        except openai.APITimeoutError as error:
            raise TransientError(f"{self.name} did not answer within {self.settings.timeout:g} s") from error
        except openai.APIConnectionError as error:
            raise TransientError(f"{_where(self.settings)} cannot be reached", "is the service running?") from error
        except (openai.APIError, ValueError) as error:
            raise TransientError(f"{self.name}'s answer broke off or cannot be read") from error
        except Exception as error:
            if not type(error).__module__.startswith("httpx"):  # what carries the client, whichever it is today
                raise
            raise TransientError(f"{self.name}'s answer broke off") from error


def _where(settings: Settings) -> str:
    return settings.base_url or "OpenAI"


def _of_status(error: Any, settings: Settings) -> AiosError:
    """What an HTTP status means: refused for good, or worth another try."""
    where, status = _where(settings), int(error.status_code)
    if status in {401, 403}:
        hint = f"look at the key in {settings.key_env}" if settings.key_env else "name it: `key_env` or `key`"
        return RefusedError(f"{where} does not accept the key", hint)
    if status == 404:
        return RefusedError(f"{where} knows no model `{settings.model}`", "see `tiers` in state/company.yaml")
    if status == 429 and error.code == "insufficient_quota":
        return RefusedError(f"{where} says that the account's quota is used up", "see its billing page")
    if status in {408, 409, 429} or status >= 500:
        return TransientError(f"{where} says to come back later ({status})", retry_after=_retry_after(error))
    hint = "give less to the agent, or take a model with a larger context" if _too_long(error) else ""
    return AiosError(f"{where} refuses the request ({status}): {_said(error)}", hint)


def _too_long(error: Any) -> bool:
    """Whether the request was refused because the model's context cannot hold it."""
    kinds = {str(error.code), str(error.type)}
    return bool(kinds & {"context_length_exceeded", "exceed_context_size_error"})


class _SchemaRefusedError(Exception):
    """The service does not take a schema for its answer."""


@dataclass(slots=True)
class _Heard:
    """An answer as it comes in."""

    text: list[str] = field(default_factory=list)
    calls: dict[int, list[str]] = field(default_factory=dict)
    refusal: str = ""
    finish: str = ""
    model: str = ""
    usage: Any = None
    size: int = 0

    @property
    def ended(self) -> bool:
        return bool(self.finish)

    def take(self, chunk: Any) -> None:
        self.model = chunk.model or self.model
        self.usage = getattr(chunk, "usage", None) or self.usage
        for choice in (chunk.choices or ())[:1]:
            self.finish = choice.finish_reason or self.finish
            if choice.delta is None:
                continue
            self._add(self.text, choice.delta.content)
            self.refusal += getattr(choice.delta, "refusal", None) or ""
            for call in choice.delta.tool_calls or ():
                parts = self.calls.setdefault(call.index or 0, ["", "", ""])
                parts[0] = call.id or parts[0]
                if call.function:
                    parts[1] += call.function.name or ""
                    parts[2] += call.function.arguments or ""
                    self.size += len(call.function.arguments or "")
        if self.finish == "content_filter":
            self.refusal = self.refusal or "its filter stopped the answer"

    def _add(self, parts: list[str], text: str | None) -> None:
        if text:
            parts.append(text)
            self.size += len(text)

    def reply(self, asked: Mapping[str, Any], model: str) -> ModelReply:
        calls = [ToolCall(parts[0] or f"call-{number}", parts[1], parts[2]) for number, parts in self.calls.items()]
        return ModelReply("".join(self.text), tuple(calls), self._used(asked), self.model or model, self.finish)

    def _used(self, asked: Mapping[str, Any]) -> Usage:
        if self.usage is not None and self.usage.prompt_tokens is not None:
            details = getattr(self.usage, "prompt_tokens_details", None)
            cached = getattr(details, "cached_tokens", None) or 0
            return Usage(self.usage.prompt_tokens, self.usage.completion_tokens or 0, cached)
        said = sum(len(str(message)) for message in asked["messages"])
        return Usage(said // CHARS_PER_TOKEN, self.size // CHARS_PER_TOKEN + 1, estimated=True)


def _asked(request: Request, model: str, *, structured: bool) -> dict[str, Any]:
    asked: dict[str, Any] = {
        "model": model,
        "messages": [_message(message) for message in request.messages],
        "max_tokens": request.max_tokens,
        "temperature": 0,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    if request.tools:
        asked["tools"] = [
            {
                "type": "function",
                "function": {"name": tool.name, "description": tool.description, "parameters": dict(tool.parameters)},
            }
            for tool in request.tools
        ]
    if request.schema is not None and structured:
        schema = {"name": "answer", "schema": dict(request.schema)}
        asked["response_format"] = {"type": "json_schema", "json_schema": schema}
    return asked


def _message(message: Message) -> dict[str, Any]:
    told: dict[str, Any] = {"role": message.role.value, "content": message.text}
    if message.calls:
        told["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": _arguments(call)}}
            for call in message.calls
        ]
    if message.role is Role.TOOL:
        told["tool_call_id"] = message.call_id
    return told


def _arguments(call: ToolCall) -> str:
    """A call's arguments as a JSON object: services read them again, and fail on what a model got wrong."""
    try:
        if isinstance(json.loads(call.arguments), dict):
            return call.arguments
    except ValueError:
        pass
    return json.dumps({"unreadable": call.arguments[:500]})


def _retry_after(error: Any) -> float | None:
    """Seconds that the service asks to wait, as its headers say."""
    headers: Mapping[str, str] = getattr(error.response, "headers", {})
    for name, unit in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        value = headers.get(name, "")
        if value.replace(".", "", 1).isdigit():
            return float(value) / unit
    return None


def _said(error: Any) -> str:
    body = error.body if isinstance(error.body, Mapping) else {}
    return " ".join(str(body.get("message") or error.message or error).split())[:200]
