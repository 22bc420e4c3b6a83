"""A server that nobody here wrote, with a model that talks nonsense: what it takes, sends, counts and refuses."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

import jsonschema
import pytest

from aios.agents.conversation import TOOLS, answer_schema
from aios.domain.agent import Tier
from aios.domain.model import Message, Request, Role
from aios.errors import AiosError, RefusedError
from aios.llm.compatible import Compatible
from aios.llm.settings import Settings
from tests.peers import llama
from tests.peers.llama import Llama

pytestmark = pytest.mark.peer("llama.cpp")
MESSAGES = (Message(Role.SYSTEM, "You plan."), Message(Role.USER, "Plan my day – with a café, 日本 and 🎈."))
TITLE = {"type": "string", "maxLength": 20}
PLAN = {
    "type": "object",
    "additionalProperties": False,
    "required": ["title", "priority", "tasks"],
    "properties": {
        "title": TITLE,
        "priority": {"enum": ["low", "high"]},
        "tasks": {"type": "array", "items": TITLE, "minItems": 1, "maxItems": 3},
        "hours": {"type": "integer", "minimum": 0, "maximum": 24},
    },
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Llama]:
    with llama.serving(tmp_path_factory.mktemp("llama")) as serving:
        yield serving


@pytest.fixture(scope="module")
def eager(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Llama]:
    """A server whose model reaches for tools."""
    with llama.serving(tmp_path_factory.mktemp("llama"), tools=True) as serving:
        yield serving


def model(server: Llama, *, key: str = llama.KEY, name: str = llama.MODEL) -> Compatible:
    return Compatible(Settings(Tier.SMALL, name, server.url, "MY_KEY", key, (1.0, 2.0), 20.0))


def test_an_answer_is_streamed_counted_and_cut_where_it_must_end(server: Llama) -> None:
    heard: list[int] = []
    reply = model(server).complete(Request(MESSAGES, max_tokens=24), heard.append)
    assert (reply.finish, reply.usage.output, reply.usage.estimated) == ("length", 24, False)
    assert reply.usage.input > len(MESSAGES[1].text) // 2
    assert len(set(heard)) > 5
    assert heard[-1] == len(reply.text)
    assert reply.model == llama.MODEL


def test_the_same_question_has_the_same_answer(server: Llama) -> None:
    replies = [model(server).complete(Request(MESSAGES, max_tokens=30), lambda _: None) for _ in range(2)]
    assert replies[0].text == replies[1].text


@pytest.mark.parametrize("hour", range(4))
def test_an_answer_fits_the_schema_that_was_asked_for(server: Llama, hour: int) -> None:
    asked = Request((*MESSAGES, Message(Role.USER, f"From {hour}:00.")), schema=PLAN, max_tokens=500)
    asking = model(server)
    reply = asking.complete(asked, lambda _: None)
    assert reply.finish == "stop"
    jsonschema.validate(json.loads(reply.text), PLAN)
    assert asking.structured


def test_tools_are_offered_and_called_with_arguments_that_fit(eager: Llama) -> None:
    reply = model(eager).complete(Request(MESSAGES, TOOLS, max_tokens=600), lambda _: None)
    assert reply.calls
    for call in reply.calls:
        spec = next(tool for tool in TOOLS if tool.name == call.name)
        if reply.finish != "length":
            jsonschema.validate(json.loads(call.arguments), dict(spec.parameters))


def test_a_schema_for_the_answer_keeps_no_model_from_its_tools(eager: Llama) -> None:
    reply = model(eager).complete(Request(MESSAGES, TOOLS, answer_schema(PLAN), max_tokens=600), lambda _: None)
    assert reply.calls


def test_a_conversation_with_tools_goes_on(eager: Llama) -> None:
    first = model(eager).complete(Request(MESSAGES, TOOLS, max_tokens=600), lambda _: None)
    answers = tuple(Message(Role.TOOL, "nothing was found", call_id=call.id) for call in first.calls)
    messages = (*MESSAGES, Message(Role.ASSISTANT, first.text, first.calls), *answers)
    second = model(eager).complete(Request(messages, TOOLS, max_tokens=20), lambda _: None)
    assert second.usage.input > first.usage.input


def test_a_wrong_key_is_told_and_not_shown(server: Llama) -> None:
    with pytest.raises(RefusedError, match="does not accept the key") as caught:
        model(server, key="sk-wrong").complete(Request(MESSAGES), lambda _: None)
    assert "sk-wrong" not in str(caught.value)


@pytest.mark.parametrize("schema", [None, answer_schema(PLAN)])
def test_what_is_too_long_is_refused_and_changes_nothing_else(server: Llama, schema: dict[str, object]) -> None:
    asking = model(server)
    with pytest.raises(AiosError, match="context size") as caught:
        asking.complete(Request((Message(Role.USER, "x" * 20_000),), schema=schema), lambda _: None)
    assert type(caught.value) is AiosError
    assert asking.structured


def test_a_model_by_another_name_says_which_one_it_is(server: Llama) -> None:
    reply = model(server, name="gpt-unheard-of").complete(Request(MESSAGES, max_tokens=5), lambda _: None)
    assert reply.model == llama.MODEL


def test_a_schema_that_the_server_cannot_hold_a_model_to_is_left_out(server: Llama) -> None:
    odd = {"type": "object", "properties": {"a": {"$ref": "https://elsewhere.example/none"}}}
    asking = model(server)
    assert asking.complete(Request(MESSAGES, schema=odd, max_tokens=5), lambda _: None).text
    assert replace(asking).structured is False
