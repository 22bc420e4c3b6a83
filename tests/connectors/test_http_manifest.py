"""A service from a manifest: mistakes are told where they stand, values stay data, pages end, doubts are honest."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from aios.connectors.registry import Sinks, load
from aios.domain.effect import Connector, HowKnown, Receipt
from aios.domain.finding import Finding, Severity
from aios.errors import AiosError, CredentialsError, RefusedError, TransientError, UsageError
from aios.store.trees import EmptyTree, OverlayTree
from tests.connectors.cases import NOW, SECRET, Case, effect, stage
from tests.connectors.stands.rest import MANIFEST, Desk, serve_rest, some
from tests.connectors.stands.serving import Asked, Said, serve

FILE = "schema: connector.v1\nuse: http\nsettings:\n  url: https://desk.example/v2\n" + "".join(
    f"  {line}\n" if line else "\n" for line in MANIFEST.strip().splitlines()
)
PATH = "state/connectors/desk.yaml"


def findings_of(text: str) -> list[Finding]:
    tree = OverlayTree(EmptyTree(), {PATH: text.encode()})
    return load(tree, root=Path(), local=Path(), secret=lambda _: None, clock=lambda: NOW, sinks=Sinks(print))[1]


def line_of(text: str, part: str) -> int:
    (found,) = [number for number, line in enumerate(text.splitlines(), 1) if part in line]
    return found


def test_the_example_is_without_a_finding() -> None:
    assert findings_of(FILE) == []


MISTAKES = [
    ("payload.text }}", "payload.txt }}", "`payload` has no `txt`", "did you mean `text`?"),
    ("params.state }}", "params.status }}", "`params` has no `status`", "did you mean `state`?"),
    ('"${{ params.state }}"', '"${{ params.state"', "is never closed", "end it with `}}`"),
    ("POST /tickets/${{ payload.ticket }}", "POST /tickets/${{ payload.tikket }}", "has no `tikket`", "`ticket`?"),
    ("GET /tickets/${{ payload.ticket }}/replies\n", "GET /tickets/${{ ticket }}\n", "`ticket` is unknown", "payload"),
    ("receipt.external_id", "receipt.id", "`receipt` has no `id`", "external_id"),
    ('reply: "${{ receipt', 'answer: "${{ receipt', "takes no `answer`", "it takes ticket, reply"),
    ("use: tickets.unreply", "use: tickets.unreplied", "no write `tickets.unreplied`", "mean `tickets.unreply`"),
    ("cursor: updated", "cursor: update", "`fields` has no `update`", "did you mean `updated`?"),
    ("subject: title", 'subject: "${{ itm.title }}"', "`itm.title` is unknown", "known here: item"),
    ("email: requester.email", "email: requester..email", "is no path", "points"),
    ("read: GET /tickets", "reads: GET /tickets", "`reads` is not a field in", "did you mean `read`?"),
    ("read: GET /tickets", "read: PUT /tickets", "a read only asks", "`write` is for"),
    ("read: GET /tickets", "read: GET tickets", "is not of the expected form", "GET /tickets"),
    ("read: GET /tickets", "read: GET /tickets?a=b", "have no place in a path", "`query`"),
    ("read: GET /tickets", "read: GET /a/../tickets", "lead elsewhere", "the path itself"),
    ("items: data.tickets", "item: data.tickets", "`item` is not a field", "did you mean `items`?"),
    ("items: data.tickets", "idempotency: Key", "`idempotency` means nothing for a read", "there are"),
    ("write: DELETE /t", "write: GET /t", "GET changes nothing", "POST, PUT"),
    ("pages: {next: data.next, as: after,", "pages: {number: page, offset: from,", "one of next, number", "next:"),
    ("{next: data.next, as: after, size: {per_page: 2}}", "{offset: from}", "`offset` needs `size`", "size"),
    ("takes: {state: string}", "takes: {state: strng}", "`strng` is no type", "did you mean `string`?"),
    ("takes: {state: string}", "takes: {state: {type: strng}}", "`state` is no JSON Schema", "type: string"),
    ("takes: {state: string}", "takes: {state: string, limit: integer}", "`limit` is given by itself", "another name"),
    ("optional: [state]", "optional: [sate]", "`takes` has no `sate`", "did you mean `state`?"),
    ("test: GET /me", "test: GET /${{ me }}", "`me` is unknown", ""),
    ("Language: en", 'Language: "${{ key }}"', "`key` is unknown", ""),
    ("key: external_id", "text: external_id", "`text` is not a field", "known are"),
    ("auth: {bearer: {env: TOKEN}}", "auth: {bearer: abcdef}", "is `abcdef`; expected a mapping", ""),
    ("auth: {bearer: {env: TOKEN}}", "auth: {bearer: {env: T}, query: {}}", "", ""),
    ("target: ticket", "form: {a: b}\n      target: ticket", "there is a `body` already", "keep one"),
]  # fmt: skip


@pytest.mark.parametrize(("right", "wrong", "said", "hint"), MISTAKES)
def test_a_mistake_is_told_where_it_stands(right: str, wrong: str, said: str, hint: str) -> None:
    assert FILE.count(right) == 1
    text = FILE.replace(right, wrong)
    found = findings_of(text)
    assert found
    matching = [each for each in found if said in each.message and hint in each.hint]
    assert matching, found
    assert {each.severity for each in matching} == {Severity.ERROR}
    lines = text.splitlines()
    first = text[: text.index(wrong)].count("\n") + 1
    near = range(first - 1, first + 2) if "pages" not in wrong else range(first, first + 2)
    assert any(each.line in near or lines[each.line - 1].strip().startswith("with:") for each in matching), matching


def test_a_lookup_for_what_nothing_carries_is_a_mistake() -> None:
    text = FILE.replace(', external_id: "${{ key }}"', "").replace("      idempotency: Idempotency-Key\n", "")
    (finding,) = findings_of(text)
    assert "nothing that is sent carries the key" in finding.message
    assert finding.line == line_of(text, "key: external_id")


def test_a_write_without_a_lookup_works_and_is_said_to_leave_doubts(tmp_path: Path) -> None:
    offers = {"notes.add": {"summary": "Add a note.", "write": "POST /notes", "body": {}}}
    text = yaml.safe_dump(
        {"schema": "connector.v1", "use": "http", "settings": {"url": "https://x.example", "offers": offers}}
    )
    (finding,) = findings_of(text)
    assert finding.severity is Severity.WARNING
    assert "a doubt becomes a question to you" in finding.message
    tree = OverlayTree(EmptyTree(), {PATH: text.encode()})
    found, _ = load(tree, root=tmp_path, local=tmp_path, secret=lambda _: None, clock=lambda: NOW)
    offered = found["desk"].capabilities()["notes.add"]
    assert offered.authoritative is False
    assert offered.lookup.startswith("nothing:")
    assert found["desk"].lookup(effect(found["desk"], "notes.add", {})).authoritative is False


def test_a_capability_that_the_manifest_has_not_is_none_to_allow() -> None:
    (finding,) = findings_of(FILE.replace("settings:", "capabilities: [tickets.lst]\nsettings:"))
    assert (finding.message, finding.hint) == ("http does not offer tickets.lst", "did you mean `tickets.list`?")
    assert findings_of(FILE.replace("settings:", "capabilities: [tickets.list]\nsettings:")) == []


def test_a_key_that_would_travel_in_the_open_is_warned_of() -> None:
    (finding,) = findings_of(FILE.replace("https:", "http:", 1))
    assert (finding.severity, finding.line) == (Severity.WARNING, 4)
    assert "can read the key" in finding.message


def test_a_secret_in_the_manifest_is_a_finding() -> None:
    found = findings_of(FILE.replace("Accept-Language: en", "X-Api-Key: sk_live_0123456789abcdef"))
    assert [each.rule for each in found] == ["secret"]


@contextmanager
def desk_at(root: Path, desk: Desk | None = None, answer: Callable[[Asked], Said] | None = None) -> Iterator[Connector]:
    stand = serve_rest(desk, answer)
    try:
        yield stage(Case("http", stand.settings(stand.address)), root, retry={"attempts": 1}).connector
    finally:
        stand.stop()


@contextmanager
def manifest_at(
    root: Path, answer: Callable[[Asked], Said], offers: Mapping[str, Any], **more: Any
) -> Iterator[Connector]:
    address, stop = serve(answer)
    settings = {"url": f"http://{address}/v2", "offers": offers, **more}
    try:
        yield stage(Case("http", settings), root, retry={"attempts": 1}).connector
    finally:
        stop()


@pytest.mark.parametrize("ticket", ["../../me", "a/b", "a?b=c", "a#b", "%2e%2e", "ä b", "${{ key }}"])
def test_a_value_in_a_path_is_one_part_of_it(tmp_path: Path, ticket: str) -> None:
    desk = some()
    with desk_at(tmp_path, desk) as it:
        planned = effect(it, "tickets.reply", {"ticket": ticket, "text": "x"})
        assert it.lookup(planned).found is None
    assert desk.asked[0].parts[2:] == [ticket, "replies"] or ticket in {"../../me", "a/b"}
    assert desk.asked[0].path.count("/") == 4


@pytest.mark.parametrize("ticket", ["", ".", ".."])
def test_a_value_that_would_be_another_path_is_refused(tmp_path: Path, ticket: str) -> None:
    desk = some()
    with desk_at(tmp_path, desk) as it, pytest.raises(RefusedError, match="cannot be a part"):
        it.act(effect(it, "tickets.reply", {"ticket": ticket, "text": "x"}))
    assert desk.asked == []


@pytest.mark.parametrize("text", ['", "internal": true, "x": "', "${{ key }}", "a\nb", "null", "7", "{}"])
def test_a_value_in_a_body_is_a_value(tmp_path: Path, text: str) -> None:
    desk = some()
    with desk_at(tmp_path, desk) as it:
        planned = effect(it, "tickets.reply", {"ticket": "1", "text": text})
        it.act(planned)
        it.act(effect(it, "tickets.reply", {"ticket": "1", "text": text, "internal": True}))
    first, second = desk.replies.values()
    assert (first["text"], first["external_id"], "internal" in first) == (text, planned.key, False)
    assert second["internal"] is True


def test_the_preview_is_the_request_that_is_sent(tmp_path: Path) -> None:
    desk = some()
    with desk_at(tmp_path, desk) as it:
        planned = effect(it, "tickets.reply", {"ticket": "2", "text": "Good *morning*"})
        preview = it.preview(planned)
        it.act(planned)
    shown = yaml.safe_load(preview.text)
    sent = desk.asked[-1]
    method, address = shown["request"].split(" ")
    assert (method, address.endswith(sent.path)) == (sent.method, True)
    assert shown["body"] == sent.json
    assert preview.summary == "Answer ticket 2"
    assert sent.headers["idempotency-key"] == planned.key
    assert sent.headers["accept-language"] == "en"
    assert SECRET not in preview.text


AUTHS: list[tuple[dict[str, Any], Callable[[Asked], str | None]]] = [
    ({"bearer": {"env": "TOKEN"}}, lambda asked: asked.headers["authorization"].removeprefix("Bearer ")),
    (
        {"basic": {"user": "ann", "password": {"env": "TOKEN"}}},
        lambda asked: base64.b64decode(asked.headers["authorization"].split()[1]).decode().removeprefix("ann:"),
    ),
    ({"header": {"name": "X-Key", "value": {"env": "TOKEN"}}}, lambda asked: asked.headers["x-key"]),
    ({"query": {"name": "api_key", "value": {"env": "TOKEN"}}}, lambda asked: asked.query.get("api_key")),
]


@pytest.mark.parametrize(("auth", "key"), AUTHS)
def test_each_way_to_say_who_we_are_and_none_in_a_message(
    tmp_path: Path, auth: dict[str, Any], key: Callable[[Asked], str | None]
) -> None:
    heard: list[Asked] = []

    def refuse(asked: Asked) -> Said:
        heard.append(asked)
        return Said({"message": f"what is {key(asked)}, {asked.headers} {asked.query}"}, 403)

    offers = {"things.list": {"summary": "Things.", "read": "GET /things", "query": {"a": "b"}}}
    with manifest_at(tmp_path, refuse, offers, auth=auth, test="GET /me") as it:
        with pytest.raises(CredentialsError) as caught:
            it.read("things.list", {})
        (finding,) = it.check()
    assert [key(asked) for asked in heard] == [SECRET, SECRET]
    assert heard[0].query["a"] == "b"
    for told in (str(caught.value), str(finding)):
        assert SECRET not in told
        assert base64.b64encode(f"ann:{SECRET}".encode()).decode() not in told


def numbers(count: int, size: int) -> list[list[dict[str, int]]]:
    return [[{"id": n} for n in range(begin, min(begin + size, count))] for begin in range(0, count, size)]


def by_number(asked: Asked) -> Said:
    pages = numbers(25, int(asked.query["per_page"]))
    page = int(asked.query["page"])
    return Said({"data": pages[page - 1] if page <= len(pages) else []})


def by_offset(asked: Asked) -> Said:
    begin, size = int(asked.query["offset"]) if "offset" in asked.query else 0, int(asked.query["limit"])
    return Said({"data": [{"id": n} for n in range(25)][begin : begin + size]})


def by_address(asked: Asked) -> Said:
    page = int(asked.query.get("p", 1))
    assert asked.query["kept"] == "1"
    after = f"/v2/things?p={page + 1}&kept=1" if page < 3 else None
    return Said({"data": numbers(25, 10)[page - 1], "links": {"next": after}})


def by_link(asked: Asked) -> Said:
    page = int(asked.query.get("p", 1))
    here = f"http://{asked.headers['host']}/v2/things"
    link = f'<{here}?p=1>; rel="first", <{here}?p={page + 1}>; title="x"; rel="next"' if page < 3 else ""
    return Said({"data": numbers(25, 10)[page - 1]}, headers={"Link": link})


@pytest.mark.parametrize(
    ("pages", "answer", "requests"),
    [
        ({"number": "page", "size": {"per_page": 10}}, by_number, 3),
        ({"number": "page", "size": {"per_page": 5}}, by_number, 6),
        ({"offset": "offset", "size": {"limit": 10}}, by_offset, 3),
        ({"next": "links.next"}, by_address, 3),
        ({"link": True}, by_link, 3),
    ],
)
def test_every_kind_of_pages_is_read_to_its_end(
    tmp_path: Path, pages: dict[str, Any], answer: Callable[[Asked], Said], requests: int
) -> None:
    heard: list[Asked] = []

    def told(asked: Asked) -> Said:
        heard.append(asked)
        return answer(asked)

    offer = {"summary": "Things.", "read": "GET /things", "query": {"kept": 1}, "items": "data", "pages": pages}
    with manifest_at(tmp_path, told, {"things.list": offer}) as it:
        data = it.read("things.list", {}).data
    assert data == {"things": [{"id": n} for n in range(25)], "more": False}
    assert len(heard) == requests


@pytest.mark.parametrize(
    "address",
    [
        "http://elsewhere.example/v2/things",
        "//elsewhere.example/v2/x",
        "/v1/things",
        "/v2/../admin",
        "http://[",
        "/v2x/y",
    ],
)
def test_the_next_page_is_never_elsewhere(tmp_path: Path, address: str) -> None:
    offer = {"summary": "Things.", "read": "GET /things", "items": "data", "pages": {"next": "next"}}
    with (
        manifest_at(tmp_path, lambda _: Said({"data": [1], "next": address}), {"things.list": offer}) as it,
        pytest.raises(RefusedError, match="the next page of it"),
    ):
        it.read("things.list", {})


def test_pages_without_an_end_end(tmp_path: Path) -> None:
    heard: list[Asked] = []

    def for_ever(asked: Asked) -> Said:
        heard.append(asked)
        return Said({"data": [{"id": 1}], "next": str(len(heard)) if len(heard) > 3 else "same"})

    offer = {"summary": "Things.", "read": "GET /things", "items": "data", "pages": {"next": "next", "as": "after"}}
    with manifest_at(tmp_path, for_ever, {"things.list": offer}) as it:
        assert len(it.read("things.list", {}).data["things"]) == 2  # the same place twice is the end
        with pytest.raises(RefusedError, match="more than 100 pages"):
            it.read("things.list", {})


def test_items_come_in_our_words_and_only_once(tmp_path: Path) -> None:
    desk = some()
    with desk_at(tmp_path, desk) as it:
        first = it.read("tickets.list", {"limit": 2})
        assert first.data == {
            "tickets": [
                {
                    "id": 1,
                    "subject": "Question 1",
                    "email": "c1@reader.example",
                    "tag": None,
                    "open": True,
                    "updated": "2026-03-03T09:00:00Z",
                },
                {
                    "id": 3,
                    "subject": "Question 3",
                    "email": "c3@reader.example",
                    "tag": None,
                    "open": True,
                    "updated": "2026-03-04T09:00:00Z",
                },
            ],
            "more": True,
        }
        desk.ticket("2026-03-04T09:00:00Z")
        second = it.read("tickets.list", {"cursor": first.cursor})
        assert [ticket["id"] for ticket in second.data["tickets"]] == [4, 2]
        assert second.data["tickets"][1]["tag"] == "billing"
        third = it.read("tickets.list", {"cursor": second.cursor})
        assert (third.data["tickets"], third.cursor) == ([], second.cursor)
        desk.tickets[0].update(updated_at="2026-03-06T09:00:00Z", state="closed")
        (ticket,) = it.read("tickets.list", {"cursor": third.cursor}).data["tickets"]
        assert (ticket["id"], ticket["open"]) == (1, False)
        with pytest.raises(UsageError, match="none of this connector"):
            it.read("tickets.list", {"cursor": {"made": 1}})
    assert desk.asked[-1].query["updated_from"] == "2026-03-05T09:00:00Z"
    assert "updated_from" not in desk.asked[0].query


@pytest.mark.parametrize("data", [None, {}, {"data": {"tickets": {}}}, [], {"data": {"tickets": "x"}}])
def test_an_answer_without_the_list_is_none(tmp_path: Path, data: Any) -> None:
    with desk_at(tmp_path, answer=lambda _: Said(data)) as it, pytest.raises(AiosError, match="is no list"):
        it.read("tickets.list", {})


def test_an_item_that_an_expression_does_not_expect_is_told(tmp_path: Path) -> None:
    with (
        desk_at(tmp_path, answer=lambda _: Said({"data": {"tickets": [{"id": 1}]}})) as it,
        pytest.raises(AiosError, match="what its `fields` do not expect: there is no `state`"),
    ):
        it.read("tickets.list", {})


def test_what_was_done_is_found_by_its_key(tmp_path: Path) -> None:
    desk = some()
    with desk_at(tmp_path, desk) as it:
        planned = effect(it, "tickets.reply", {"ticket": "1", "text": "x"})
        outcome = it.act(planned)
        assert (outcome.external_id, outcome.url) == ("r1", "https://desk.example/1#r1")
        assert it.lookup(planned).found == outcome
        other = effect(it, "tickets.reply", {"ticket": "1", "text": "y"})
        assert (it.lookup(other).found, it.lookup(other).authoritative) == (None, True)
        desk.replies["r1"]["external_id"] = ["other", f"from aios {planned.key}"]
        assert it.lookup(planned).found == outcome


def test_an_answer_is_taken_back_once(tmp_path: Path) -> None:
    desk = some()
    with desk_at(tmp_path, desk) as it:
        planned = effect(it, "tickets.reply", {"ticket": "1", "text": "x"})
        done = it.act(planned)
        receipt = Receipt(planned.key, "done", HowKnown.ACTED, "2026-03-09T12:00:00Z", done.external_id)
        undoing = it.undo(planned, receipt)
        assert undoing is not None
        assert undoing.payload == {"ticket": "1", "reply": "r1", "undoes": planned.key}
        assert (it.lookup(undoing).found, it.lookup(undoing).authoritative) == (None, True)
        undone = it.act(undoing)
        assert it.lookup(undoing).found == undone
        assert it.act(undoing) == undone  # 404 is among `done`
        unknown = Receipt(planned.key, "done", HowKnown.OPERATOR, "2026-03-09T12:00:00Z")
        assert it.undo(planned, unknown) is None
    assert desk.made == {"tickets.reply": 1, "tickets.unreply": 1}


@pytest.mark.parametrize(
    ("status", "kind"), [(423, TransientError), (409, RefusedError), (404, RefusedError), (500, TransientError)]
)
def test_the_manifest_says_which_failures_pass(tmp_path: Path, status: int, kind: type[AiosError]) -> None:
    with desk_at(tmp_path, answer=lambda _: Said({"message": "no"}, status)) as it:
        with pytest.raises(kind) as caught:
            it.act(effect(it, "tickets.reply", {"ticket": "1", "text": "x"}))
        assert type(caught.value) is kind or kind is RefusedError


def test_a_missing_secret_is_refused_by_its_name(tmp_path: Path) -> None:
    offers = {"things.list": {"summary": "Things.", "read": "GET /things"}}
    with (
        manifest_at(tmp_path, lambda _: Said([]), offers, auth={"bearer": {"env": "NOT_SET"}}) as it,
        pytest.raises(RefusedError, match="the secret NOT_SET is not set"),
    ):
        it.read("things.list", {})


def test_a_form_is_one(tmp_path: Path) -> None:
    heard: list[Asked] = []

    def told(asked: Asked) -> Said:
        heard.append(asked)
        return Said({})

    offer = {
        "summary": "Add.",
        "write": "PUT /notes",
        "takes": {"text": "string", "count": "integer"},
        "form": {"text": "${{ payload.text }}", "count": "${{ payload.count }}", "key": "${{ key }}"},
        "find": {"ask": "GET /notes", "key": "key"},
    }
    with manifest_at(tmp_path, told, {"notes.add": offer}) as it:
        planned = effect(it, "notes.add", {"text": "a&b=c\n", "count": 3})
        it.act(planned)
        assert it.lookup(planned).authoritative is False
    assert heard[0].form == {"text": "a&b=c\n", "count": "3", "key": planned.key}
    assert json.dumps(heard[0].headers["content-type"]) == '"application/x-www-form-urlencoded"'
