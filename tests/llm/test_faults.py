"""Services that are broken or mean it badly: every answer ends in an error that says what happened, or in an answer."""

from __future__ import annotations

import gzip
import itertools
import json
import tracemalloc
from contextlib import suppress
from dataclasses import asdict
from typing import Any

import pytest

from aios.domain.agent import Tier
from aios.domain.model import Message, ModelReply, Request, Role
from aios.errors import AiosError, RefusedError, TransientError
from aios.llm.compatible import Compatible
from aios.llm.settings import Settings
from tests.llm.server import chunk, event
from tests.llm.wire import DONE, STREAM, Sends, sending

KEY = "sk-nobodys-and-never-shown"
ASK = Request((Message(Role.USER, "Hello?"),))
HTML = b"<!doctype html><title>Bad gateway</title><h1>502</h1>"


def ask(*script: Sends, timeout: float = 2.0) -> ModelReply:
    with sending(*script) as wire:
        return asking(wire.url, timeout=timeout).complete(ASK, lambda _: None)


def asking(url: str, *, timeout: float = 2.0) -> Compatible:
    return Compatible(Settings(Tier.SMALL, "tiny", url, "MY_KEY", KEY, (1.0, 2.0), timeout))


def head(status: str, **headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "Connection: close", "", ""]).encode()


def says(*choices: Any) -> bytes:
    return event({"id": "x", "object": "chat.completion.chunk", "created": 1, "model": "tiny", "choices": choices})


TEXT, CALL = (
    chunk({"content": "Grüße "}),
    chunk({"tool_calls": [{"index": 0, "id": "c", "function": {"name": "read"}}]}),
)
BROKEN = {
    "a reset before anything": Sends(reset=True),
    "nothing at all": Sends(),
    "half a head": Sends([STREAM[:30]]),
    "a head that never ends": Sends([b"HTTP/1.1 200 OK\r\nX-Long: ", *[b"x" * 65_536] * 40]),
    "no HTTP": Sends([b"220 mail.example ESMTP\r\n"]),
    "a head and nothing more": Sends([STREAM]),
    "a reset in the middle": Sends([STREAM, TEXT], reset=True),
    "half a letter": Sends([STREAM, TEXT[: TEXT.index(b"content") + 15]]),
    "half a tool call": Sends([STREAM, TEXT, CALL]),
    "a text without an end": Sends([STREAM, TEXT, TEXT]),
    "an end of the stream without an end of the answer": Sends([STREAM, TEXT, b"data: [DONE]\n\n"]),
    "broken JSON": Sends([STREAM, TEXT, b'data: {"choices": [{"delta"\n\n', DONE]),
    "an error in the stream": Sends([STREAM, TEXT, event({"error": {"message": "out of memory", "code": 500}})]),
    "chunks without choices": Sends([STREAM, says(), says(), b"data: [DONE]\n\n"]),
    "a body shorter than it says": Sends(
        [head("200 OK", Content_Type="text/event-stream", Content_Length="9999"), TEXT]
    ),
    "bytes that are no gzip": Sends([head("200 OK", Content_Type="text/event-stream", Content_Encoding="gzip"), TEXT]),
    "a web page of a gateway": Sends([head("502 Bad Gateway", Content_Type="text/html"), HTML]),
    "a gateway's time is over": Sends([head("504 Gateway Timeout")]),
    "nothing, and that is all": Sends([head("204 No Content")]),
    "JSON without an answer": Sends([head("200 OK", Content_Type="application/json"), b'{"choices": []}']),
    "JSON that is nested without an end": Sends([STREAM, TEXT, b"data: " + b"[" * 200_000 + b"\n\n", DONE]),
    "too early": Sends([head("425 Too Early")]),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_breaks_may_be_tried_again(name: str) -> None:
    with pytest.raises(TransientError) as caught:
        ask(BROKEN[name])
    assert KEY not in str(caught.value)


@pytest.mark.parametrize("sends", [Sends(stays=True), Sends([STREAM], stays=True), Sends([STREAM, TEXT], stays=True)])
def test_silence_is_not_waited_out(sends: Sends) -> None:
    with pytest.raises(TransientError, match="did not answer within"):
        ask(sends, timeout=0.2)


ODD: list[Any] = [
    None,
    [],
    "text",
    7,
    {},
    {"choices": None},
    {"choices": "many"},
    {"choices": [None]},
    {"choices": ["one"]},
    {"choices": [{}]},
    {"choices": [{"delta": None}]},
    {"choices": [{"delta": "text"}]},
    {"choices": [{"delta": {"content": 5}}]},
    {"choices": [{"delta": {"content": ["a", {"b": 1}]}}]},
    {"choices": [{"delta": {"refusal": 5}}]},
    {"choices": [{"delta": {"tool_calls": "none"}}]},
    {"choices": [{"delta": {"tool_calls": [None, "x", {}]}}]},
    {"choices": [{"delta": {"tool_calls": [{"index": "a", "id": 3, "function": {"name": None, "arguments": {}}}]}}]},
    {"choices": [{"delta": {"tool_calls": [{"index": -1, "function": "read"}]}}]},
    {"choices": [{"delta": {}, "finish_reason": {"why": "tired"}}]},
    {"choices": [], "model": 5, "usage": "much"},
    {"choices": [], "usage": {"prompt_tokens": "100", "completion_tokens": []}},
]


@pytest.mark.parametrize("odd", ODD, ids=json.dumps)
def test_events_of_another_form_are_an_answer_or_an_error_that_is_told(odd: Any) -> None:
    with suppress(TransientError):
        reply = ask(Sends([STREAM, TEXT, event(odd), TEXT, DONE]))
        assert reply.text.startswith("Grüße ")
        assert reply.model == "tiny"
        assert all(isinstance(part, str) for call in reply.calls for part in (call.id, call.name, call.arguments))


def test_an_answer_that_is_not_streamed_is_an_answer() -> None:
    call = {"id": "c", "type": "function", "function": {"name": "read", "arguments": "{}"}}
    message = {"role": "assistant", "content": "Hello", "tool_calls": [call]}
    body = {"model": "tiny", "choices": [{"message": message, "finish_reason": "stop"}]}
    reply = ask(Sends([head("200 OK", Content_Type="application/json; charset=utf-8"), json.dumps(body).encode()]))
    assert (reply.text, [each.name for each in reply.calls], reply.finish) == ("Hello", ["read"], "stop")


def test_letters_may_be_split_anywhere() -> None:
    whole = STREAM + TEXT + DONE
    assert ask(Sends([whole[at : at + 1] for at in range(len(whole))])).text == "Grüße "


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        ([head("200 OK", Content_Type="text/html"), HTML], "base_url"),
        ([head("307 Temporary Redirect", Location="http://elsewhere.example/v1")], "base_url"),
        ([head("307 Temporary Redirect", Location="http://[::1")], "base_url"),
        ([head("302 Found")], "base_url"),
        ([head("405 Method Not Allowed")], ""),
    ],
)
def test_a_place_where_no_such_service_is_is_told_and_not_tried_again(answer: list[bytes], hint: str) -> None:
    with pytest.raises(AiosError) as caught:
        ask(Sends(answer))
    assert not isinstance(caught.value, TransientError)
    assert hint in caught.value.hint


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "307 Temporary Redirect", "308 Permanent Redirect"])
def test_neither_the_key_nor_the_question_follows_to_another_place(status: str) -> None:
    with sending(Sends([STREAM, TEXT, DONE])) as other:
        there = Sends([head(status, Location=f"{other.url}/chat/completions", Content_Length="0")])
        with pytest.raises(AiosError, match="sends us to 127"):
            ask(there)
        assert other.asked == []


ENDLESS = {
    "text": itertools.chain([STREAM], itertools.repeat(chunk({"content": "more " * 2_000}))),
    "one line": itertools.chain([STREAM, b"data: "], itertools.repeat(b"x" * 65_536)),
    "comments": itertools.chain([STREAM], itertools.repeat((b": still here" + b" " * 1_000 + b"\n\n") * 50)),
    "events without an end": itertools.chain([STREAM], itertools.repeat((b"data: more" + b" " * 1_000 + b"\n") * 50)),
    "empty chunks": itertools.chain([STREAM], itertools.repeat(says({"delta": {}, "padding": " " * 5_000}) * 10)),
    "tool calls": itertools.chain(
        [STREAM], itertools.repeat(chunk({"tool_calls": [{"index": 0, "function": {"arguments": "{ " * 2_000}}]}))
    ),
    "names of tools": itertools.chain(
        [STREAM], itertools.repeat(chunk({"tool_calls": [{"index": 0, "function": {"name": "x" * 10_000}}]}))
    ),
    "a refusal": itertools.chain([STREAM], itertools.repeat(chunk({"refusal": "no " * 5_000}))),
}


@pytest.mark.parametrize("name", ENDLESS)
def test_an_answer_without_an_end_is_ended(name: str) -> None:
    with pytest.raises(RefusedError, match="does not stop talking"):
        ask(Sends(ENDLESS[name]))


def test_an_answer_that_unpacks_to_far_more_than_it_is_is_ended() -> None:
    packed = gzip.compress(b"data: " + b"x" * 200_000_000)
    encoded = head("200 OK", Content_Type="text/event-stream", Content_Encoding="gzip")
    tracemalloc.start()
    try:
        with pytest.raises(RefusedError, match="does not stop talking"):
            ask(Sends([encoded, packed]))
        assert tracemalloc.get_traced_memory()[1] < 100_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "usage",
    [
        {},
        {"prompt_tokens": -5, "completion_tokens": 3},
        {"prompt_tokens": 5, "completion_tokens": -3},
        {"prompt_tokens": 10**30, "completion_tokens": 3},
        {"prompt_tokens": "many", "completion_tokens": 3},
        {"prompt_tokens": 1.5, "completion_tokens": 3},
        {"prompt_tokens": True, "completion_tokens": 3},
        {"prompt_tokens": 3},
        {"prompt_tokens": None, "completion_tokens": None},
    ],
)
def test_tokens_that_cannot_be_are_estimated(usage: dict[str, Any]) -> None:
    reply = ask(Sends([STREAM, TEXT, event({"choices": [], "usage": usage}), DONE]))
    assert reply.usage.estimated
    assert 0 < reply.usage.input < 1_000
    assert 0 < reply.usage.output < 1_000


@pytest.mark.parametrize("cached", [-1, 10**30, 7, "all", None])
def test_no_more_tokens_are_cached_than_were_sent(cached: Any) -> None:
    usage = {"prompt_tokens": 5, "completion_tokens": 3, "prompt_tokens_details": {"cached_tokens": cached}}
    reply = ask(Sends([STREAM, TEXT, event({"choices": [], "usage": usage}), DONE]))
    assert 0 <= reply.usage.cached <= 5
    assert not reply.usage.estimated


def test_half_a_letter_of_two_is_no_letter_and_two_halves_are_one() -> None:
    halves = [event({"choices": [{"delta": {"content": half}}]}) for half in ("\ud83c", "\udf88 and ", "\ud800")]
    assert ask(Sends([STREAM, *halves, DONE])).text == "🎈 and �"


def test_no_half_letter_gets_in_by_any_word_of_an_answer() -> None:
    half = "\ud800"
    call = {"index": 0, "id": half, "function": {"name": half, "arguments": half}}
    end = {"model": half, "choices": [{"delta": {"content": half, "tool_calls": [call]}, "finish_reason": half}]}
    json.dumps(asdict(ask(Sends([STREAM, event(end)]))), ensure_ascii=False).encode()
    for answer in ([STREAM, event({"error": {"message": half}})], [STREAM, chunk({"refusal": half}), DONE]):
        with pytest.raises(AiosError) as caught:
            ask(Sends(answer))
        caught.value.message.encode()
    refused = json.dumps({"error": {"message": half}}).encode()
    with pytest.raises(AiosError) as caught:
        ask(
            Sends([head("400 Bad Request", Content_Type="application/json", Content_Length=str(len(refused))), refused])
        )
    caught.value.message.encode()


def test_a_thousand_calls_at_once_arrive_whole() -> None:
    calls = [{"index": n, "id": f"c{n}", "function": {"name": "read", "arguments": "{}"}} for n in range(1_000)]
    assert len(ask(Sends([STREAM, chunk({"tool_calls": calls}), DONE])).calls) == 1_000


def test_calls_without_numbers_are_kept_apart_by_their_ids() -> None:
    calls = [{"id": f"c{n}", "function": {"name": "read", "arguments": "{}"}} for n in range(3)]
    reply = ask(Sends([STREAM, *(chunk({"tool_calls": [call]}) for call in calls), DONE]))
    assert [(call.id, call.arguments) for call in reply.calls] == [("c0", "{}"), ("c1", "{}"), ("c2", "{}")]


def test_a_name_that_nobody_has_cannot_be_reached() -> None:
    with pytest.raises(TransientError, match="cannot be reached"):
        asking("http://no-such-service.invalid/v1").complete(ASK, lambda _: None)


@pytest.mark.parametrize("url", ["http://", "ftp://127.0.0.1/v1", "http://[::1", "127.0.0.1:80/v1", "http://a b/v1"])
def test_an_address_that_is_none_is_told(url: str) -> None:
    with pytest.raises(AiosError):
        asking(url).complete(ASK, lambda _: None)


@pytest.mark.parametrize(
    ("value", "wait"),
    [
        ("3", 3.0),
        ("0", 0.0),
        ("-5", None),
        ("soon", None),
        ("1e9", None),
        ("٣", None),
        ("Mon, 02 Mar 2026 09:00:00 GMT", None),
    ],
)
def test_how_long_to_wait_is_read_or_left(value: str, wait: float | None) -> None:
    body = json.dumps({"error": {"message": "slow down"}}).encode()
    limited = head("429 Too Many", Retry_After=value, Content_Length=str(len(body)))
    with pytest.raises(TransientError) as caught:
        ask(Sends([limited.decode().encode("utf-8") + body]))
    assert caught.value.retry_after == wait
