"""A service that speaks OpenAI's chat completions, asked through its own client.

Answers are streamed, so that a dead connection is noticed and progress is seen. What goes wrong is sorted into what
may be tried again and what may not; nothing of a key is ever in a message.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from aios.domain.event import one_line
from aios.domain.model import Listen, Message, ModelReply, Request, Role, ToolCall, Usage
from aios.domain.outside import json_of, mended
from aios.errors import AiosError, RefusedError, TransientError
from aios.llm.pace import Pace
from aios.llm.settings import Settings
from aios.llm.streaming import BrokenOffError, EndlessError, Heard, events, whole


@dataclass(slots=True)
class Compatible:
    """`structured`: whether the service takes a JSON Schema for its answer; learnt where leaving it out helps."""

    settings: Settings
    structured: bool = True
    pace: Pace | None = None

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
        if self.pace is not None:
            self.pace.keep(request.tokens + request.max_tokens, request.terms.seconds)
        started, seconds = time.monotonic(), request.terms.seconds
        together = self._url.startswith("https://api.openai.com")
        asked = _asked(request, self.settings.model, structured=structured, together=together)
        heard = Heard()
        with (
            self._errors(sent_schema="response_format" in asked),
            self._client(seconds) as client,
            client.chat.completions.with_streaming_response.create(**asked) as answer,
        ):
            if self.pace is not None:
                self.pace.note(answer.headers)
            for event in _events(answer, self.settings):
                heard.take(event)
                listen(heard.size)
                if seconds is not None and time.monotonic() - started > seconds:
                    raise TransientError(f"{self.name} was still talking after {seconds:.0f} s, all the time there was")
        if heard.refusal:
            refusal = " ".join(mended(heard.refusal[:200]).split())
            raise RefusedError(f"{self.name} refuses: {refusal}", "change the instructions or the input")
        if not heard.finish:
            raise TransientError(f"{self.name}'s answer broke off")
        return heard.reply(sum(len(str(message)) for message in asked["messages"]), self.settings.model)

    def _client(self, seconds: float | None) -> Any:
        """A client for each call: attempts run in processes of their own, and a connection is nothing to inherit."""
        from openai import DefaultHttpxClient, OpenAI  # 350 ms, and only where a model is used

        timeout, base_url = self.settings.timeout, self.settings.base_url or None
        try:
            return OpenAI(
                api_key=self.settings.key or "none",
                base_url=base_url,
                timeout=timeout if seconds is None else max(0.1, min(timeout, seconds)),
                max_retries=0,
                # What is asked goes where the company's record says, and nowhere else.
                http_client=DefaultHttpxClient(follow_redirects=False),
            )
        except Exception as error:
            if not type(error).__module__.startswith("httpx"):
                raise
            raise AiosError(f"{base_url} is no address", "see `base_url` in state/company.yaml") from error

    @contextmanager
    def _errors(self, *, sent_schema: bool) -> Iterator[None]:
        import openai

        try:
            yield
        except openai.APIStatusError as error:
            if self.pace is not None:
                self.pace.note(error.response.headers)
            if sent_schema and error.status_code in {400, 422} and not _too_long(error):
                raise _SchemaRefusedError from error
            raise _of_status(error, self.settings) from error
        except openai.APITimeoutError as error:
            raise TransientError(f"{self.name} did not answer within {self.settings.timeout:g} s") from error
        except openai.APIConnectionError as error:
            raise TransientError(f"{_where(self.settings)} cannot be reached", "is the service running?") from error
        except EndlessError as error:
            hint = "lower `max_tokens`, or try another model"
            raise RefusedError(f"{self.name} does not stop talking", hint) from error
        except BrokenOffError as error:
            raise TransientError(f"{self.name}'s answer broke off: {_hidden(str(error), self.settings)}") from error
        except (openai.APIError, ValueError) as error:
            raise TransientError(f"{self.name}'s answer broke off or cannot be read") from error
        except Exception as error:
            if not type(error).__module__.startswith("httpx"):  # what carries the client, whichever it is today
                raise
            if "Timeout" in type(error).__name__:
                raise TransientError(f"{self.name} did not answer within {self.settings.timeout:g} s") from error
            raise TransientError(f"{self.name}'s answer broke off") from error


def _events(answer: Any, settings: Settings) -> Iterator[Any]:
    """The events of an answer; one that is not streamed is one event. Raises AiosError for a web page."""
    kind = str(answer.headers.get("content-type", ""))
    if "html" in kind:
        raise AiosError(f"{_where(settings)} answers with a web page", "see `base_url`; most services' ends in /v1")
    return (whole if kind.startswith("application/json") else events)(answer.iter_bytes())


def _where(settings: Settings) -> str:
    return settings.base_url or "OpenAI"


def _host(url: str) -> str:
    """The host that a URL names; empty where it names none."""
    try:
        return urlsplit(url).netloc
    except ValueError:
        return ""


def _of_status(error: Any, settings: Settings) -> AiosError:
    """What an HTTP status means: refused for good, or worth another try."""
    where, status = _where(settings), int(error.status_code)
    if status in {401, 403}:
        hint = f"look at the key in {settings.key_env}" if settings.key_env else "name it: `key_env` or `key`"
        return RefusedError(f"{where} does not accept the key", hint)
    if 300 <= status < 400:
        host = _host(error.response.headers.get("location", "")) or "another address"
        hint = "where that is right, name it as `base_url` in state/company.yaml"
        return RefusedError(f"{where} sends us to {one_line(host)[:100]}, and nothing follows there", hint)
    if status == 404:
        return RefusedError(f"{where} knows no model `{settings.model}`", "see `tiers` in state/company.yaml")
    if status == 429 and error.code == "insufficient_quota":
        return RefusedError(f"{where} says that the account's quota is used up", "see its billing page")
    if status in {408, 409, 425, 429} or status >= 500:
        return TransientError(f"{where} says to come back later ({status})", retry_after=_retry_after(error))
    hint = "give less to the agent, or take a model with a larger context" if _too_long(error) else ""
    return AiosError(f"{where} refuses the request ({status}): {_hidden(_said(error), settings)}", hint)


def _hidden(said: str, settings: Settings) -> str:
    """What a service said, without the key."""
    return said.replace(settings.key, "…") if settings.key else said


def _too_long(error: Any) -> bool:
    """Whether the request was refused because the model's context cannot hold it."""
    kinds = {str(error.code), str(error.type)}
    return bool(kinds & {"context_length_exceeded", "exceed_context_size_error"})


class _SchemaRefusedError(Exception):
    """The service does not take a schema for its answer."""


def _asked(request: Request, model: str, *, structured: bool, together: bool) -> dict[str, Any]:
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
    # Elsewhere than at OpenAI's a schema leaves a model no choice: it would never use a tool.
    if request.schema is not None and structured and (together or not request.tools):
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
        if isinstance(json_of(call.arguments.strip()), dict):
            return call.arguments
    except ValueError:
        pass
    return json.dumps({"unreadable": call.arguments[:500]})


def _retry_after(error: Any) -> float | None:
    """Seconds that the service asks to wait, as its headers say."""
    headers: Mapping[str, str] = getattr(error.response, "headers", {})
    for name, unit in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        value = headers.get(name, "")
        if value.isascii() and value.replace(".", "", 1).isdigit():
            return float(value) / unit
    return None


def _said(error: Any) -> str:
    body = error.body if isinstance(error.body, Mapping) else {}
    return mended(" ".join(str(body.get("message") or error.message or error).split())[:200])
