"""What a service may do to us, each told for what it is: try again, refused, or broken."""

from __future__ import annotations

import json

import pytest

from aios.domain.agent import Tier
from aios.domain.model import Message, ModelReply, Request, Role, ToolCall, ToolSpec, Usage
from aios.errors import AiosError, RefusedError, TransientError
from aios.llm.compatible import Compatible
from aios.llm.retrying import Retrying
from aios.llm.settings import Settings, configured
from tests.llm.server import Says, Service, serving

KEY = "sk-nobodys-and-never-shown"
ASK = Request((Message(Role.SYSTEM, "Be brief."), Message(Role.USER, "Hello?")))
PICK = ToolSpec("pick", "Pick one.", {"type": "object", "properties": {"n": {"type": "integer"}}})


def model(service: Service, *, timeout: float = 5.0, price: tuple[float, float] | None = (1.0, 2.0)) -> Compatible:
    return Compatible(Settings(Tier.SMALL, "tiny", service.url, "MY_KEY", KEY, price, timeout))


def ask(script: list[Says], request: Request = ASK) -> tuple[ModelReply, Service]:
    with serving(script) as service:
        return model(service).complete(request, lambda _: None), service


def test_an_answer_comes_in_pieces_and_is_counted() -> None:
    heard: list[int] = []
    with serving([Says("Good morning.")]) as service:
        reply = model(service).complete(ASK, heard.append)
    assert (reply.text, reply.usage, reply.model, reply.finish) == ("Good morning.", Usage(100, 20), "tiny", "stop")
    assert heard == sorted(heard)
    assert heard[-1] == len("Good morning.")
    assert service.keys == [f"Bearer {KEY}"]
    assert [message["role"] for message in service.asked[0]["messages"]] == ["system", "user"]


def test_tools_are_offered_and_called() -> None:
    reply, service = ask([Says(calls=[("pick", {"n": 3}), ("pick", "not json")])], Request(ASK.messages, (PICK,)))
    assert [(call.name, call.arguments) for call in reply.calls] == [("pick", '{"n": 3}'), ("pick", "not json")]
    assert service.asked[0]["tools"][0]["function"]["name"] == "pick"


def test_a_schema_is_sent_where_a_tool_can_still_be_chosen() -> None:
    answer = {"type": "object"}
    _, service = ask([Says("{}")], Request(ASK.messages, (PICK,), answer))
    assert "response_format" not in service.asked[0]
    _, service = ask([Says("{}")], Request(ASK.messages, (), answer))
    assert "response_format" in service.asked[0]


def test_tokens_are_estimated_where_the_service_does_not_count() -> None:
    reply, _ = ask([Says("Hello", usage=None)])
    assert reply.usage.estimated
    assert reply.usage.total > 0


def test_a_service_without_schemas_is_asked_without_and_remembered() -> None:
    wanted = Request(ASK.messages, schema={"type": "object"})
    refused = Says(status=400, body={"message": "response_format is not supported"})
    with serving([refused, Says("{}"), Says("{}")]) as service:
        asked = model(service)
        asked.complete(wanted, lambda _: None)
        asked.complete(wanted, lambda _: None)
    assert ["response_format" in each for each in service.asked] == [True, False, False]


@pytest.mark.parametrize("code", ["context_length_exceeded", "exceed_context_size_error"])
def test_what_is_too_long_is_no_reason_to_leave_the_schema_out(code: str) -> None:
    wanted = Request(ASK.messages, schema={"type": "object"})
    with serving([Says(status=400, body={"code": code, "type": code, "message": "too long"})]) as service:
        asked = model(service)
        with pytest.raises(AiosError, match="larger context"):
            asked.complete(wanted, lambda _: None)
    assert (len(service.asked), asked.structured) == (1, True)


def test_a_refusal_that_the_schema_has_nothing_to_do_with_leaves_it_in() -> None:
    wanted = Request(ASK.messages, schema={"type": "object"})
    with serving([Says(status=400, body={"message": "no such voice"})]) as service:
        asked = model(service)
        with pytest.raises(AiosError, match="no such voice"):
            asked.complete(wanted, lambda _: None)
    assert asked.structured


@pytest.mark.parametrize("arguments", ["{not json", "[1]", "", '"text"'])
def test_arguments_that_a_model_got_wrong_are_told_back_as_an_object(arguments: str) -> None:
    called = Message(Role.ASSISTANT, "", (ToolCall("c1", "pick", arguments),))
    _, service = ask([Says("Sorry.")], Request((*ASK.messages, called, Message(Role.TOOL, "no", call_id="c1"))))
    told = service.asked[0]["messages"][2]["tool_calls"][0]["function"]["arguments"]
    assert json.loads(told) == {"unreadable": arguments}


@pytest.mark.parametrize(
    ("says", "kind", "message"),
    [
        (Says(status=401, body={"message": f"bad key {KEY}"}), RefusedError, "does not accept the key"),
        (Says(status=403), RefusedError, "does not accept the key"),
        (Says(status=404), RefusedError, "knows no model `tiny`"),
        (Says(status=429, body={"code": "insufficient_quota", "message": "x"}), RefusedError, "quota is used up"),
        (Says(status=429), TransientError, "come back later"),
        (Says(status=500), TransientError, "come back later"),
        (Says(status=503), TransientError, "come back later"),
        (Says(status=400, body={"message": "too long"}), AiosError, "too long"),
        (Says("Half of it", cut=True), TransientError, "broke off"),
        (Says(raw=b"data: {not json}\n\n"), TransientError, "broke off|cannot be read"),
        (Says(raw=b"data: [DONE]\n\n"), TransientError, "broke off"),
        (Says(refusal="I will not."), RefusedError, "I will not"),
        (Says("Some", finish="content_filter"), RefusedError, "filter"),
    ],
)
def test_what_goes_wrong_is_told_for_what_it_is(says: Says, kind: type[AiosError], message: str) -> None:
    with pytest.raises(kind, match=message) as caught:
        ask([says])
    assert type(caught.value) is kind
    assert KEY not in str(caught.value)


def test_a_service_that_says_nothing_or_is_not_there_is_passing() -> None:
    with serving([Says(silent=True)]) as service, pytest.raises(TransientError, match="did not answer within"):
        model(service, timeout=0.2).complete(ASK, lambda _: None)
    with pytest.raises(TransientError, match="cannot be reached"):
        model(service).complete(ASK, lambda _: None)


def test_an_answer_that_was_cut_for_length_says_so() -> None:
    assert ask([Says("Half", finish="length")])[0].finish == "length"


def test_passing_failures_are_tried_again_as_long_as_the_service_asks() -> None:
    waits: list[float] = []
    limited = Says(status=429, headers={"retry-after": "7"})
    with serving([limited, Says(status=500), Says("Now.")]) as service:
        reply = Retrying(model(service), waits.append).complete(ASK, lambda _: None)
    assert (reply.text, waits) == ("Now.", [7.0, 2.0])


def test_what_is_refused_or_asks_for_too_long_is_not_tried_again() -> None:
    for says, kind in (
        (Says(status=401), RefusedError),
        (Says(status=429, headers={"retry-after": "900"}), TransientError),
    ):
        waits: list[float] = []
        with serving([says]) as service, pytest.raises(kind):
            Retrying(model(service), waits.append).complete(ASK, lambda _: None)
        assert (waits, len(service.asked)) == ([], 1)


def test_prices_are_the_companys_own_or_the_published_ones_or_unknown() -> None:
    own = Compatible(Settings(Tier.SMALL, "tiny", "http://127.0.0.1:9/v1", "", "", (1.0, 2.0), 5.0))
    assert own.cost(Usage(1_000_000, 500_000)) == 2.0
    published = Compatible(Settings(Tier.SMALL, "gpt-4o-mini", "", "K", "x", None, 5.0)).cost(Usage(1_000_000, 0))
    assert published is not None
    assert published > 0
    unknown = Compatible(Settings(Tier.SMALL, "tiny", "http://127.0.0.1:9/v1", "", "", None, 5.0))
    assert unknown.cost(Usage(1, 1)) is None


def test_tiers_are_read_from_the_company_and_keys_from_the_environment() -> None:
    company = {
        "tiers": {
            "small": {"model": "tiny", "base_url": "http://127.0.0.1:9/v1", "timeout": 3},
            "large": {"model": "big"},
        }
    }
    missing = Compatible(configured(company, lambda _: None)[Tier.LARGE])
    with pytest.raises(RefusedError, match="OPENAI_API_KEY") as caught:
        missing.complete(ASK, lambda _: None)
    assert "export OPENAI_API_KEY" in caught.value.hint
    found = configured(company, lambda name: KEY if name == "OPENAI_API_KEY" else None)
    assert [(tier.value, each.model, each.key, each.timeout) for tier, each in found.items()] == [
        ("small", "tiny", "", 3.0),
        ("large", "big", KEY, 60.0),
    ]
    assert configured({}, lambda _: None) == {}
