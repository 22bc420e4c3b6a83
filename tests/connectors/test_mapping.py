"""A mapping and the way back: what is carried over comes back the same, and what cannot be is told."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from aios.connectors.mapping import NOTHING, Loss, Rule, to_ours, to_theirs
from aios.connectors.money import decimal_text, minor_units
from aios.connectors.sidecars.map import Map
from aios.domain.effect import Capability, Collected, Effect, HowKnown, Lookup, Outcome, Receipt
from aios.domain.ownership import Owner, give, take
from aios.errors import AiosError, RefusedError
from tests.connectors.test_sidecars import House, declared_as, loaded
from tests.effects.service import Service

MAP = """
result:
  invoices:
    from: data.list
    each:
      id: {from: nr, required: true}
      customer.email: buyer_mail
      amount: {from: total.value, money: {from: total.currency}}
      currency: total.currency
      status: {from: state, values: {paid: settled, open: pending}}
      paid: {from: done, values: {"yes": true, "no": false}}
      lines: {from: rows, each: {text: label}}
payload: {since: created_after}
"""
RULES = declared_as(map={"invoices.list": yaml.safe_load(MAP)}).translations["invoices.list"]
EVERY = RULES.result[0].each

names = st.text("abc", min_size=1, max_size=3)
invoice = st.fixed_dictionaries(
    {
        "id": st.integers(),
        "customer": st.fixed_dictionaries({"email": st.text(max_size=5)}),
        "amount": st.integers(-(10**15), 10**15),
        "currency": st.sampled_from(["EUR", "JPY", "KWD"]),
        "status": st.sampled_from(["paid", "open"]),
        "paid": st.sampled_from(["yes", "no"]),
    },
    optional={
        "lines": st.lists(st.fixed_dictionaries({"text": st.text(max_size=5)}, optional={"x": st.integers()})),
        "memo": st.text(max_size=5),
    },
)


@given(st.lists(invoice))
def test_there_and_back_is_the_same(invoices: list[dict[str, Any]]) -> None:
    ours = {"invoices": invoices, "more": False}
    theirs = to_theirs(RULES.result, ours)
    assert not theirs.losses
    back = to_ours(RULES.result, theirs.data)
    assert (back.data, back.losses, back.left_out) == (ours, {}, {})


@given(
    st.dictionaries(names, st.integers() | st.text(max_size=3), max_size=4),
    st.permutations(["a", "b", "c", "aa", "bb", "cc"]),
)
def test_any_renaming_is_undone_by_itself(data: dict[str, Any], shuffled: list[str]) -> None:
    rules = [Rule((one,), (other,)) for one, other in zip(sorted(shuffled), shuffled, strict=True)]
    assert to_ours(rules, to_theirs(rules, data).data).data == data


@given(st.integers(-(10**17), 10**17), st.sampled_from(["EUR", "JPY", "KWD"]))
def test_money_is_exact_both_ways(units: int, currency: str) -> None:
    text = decimal_text(units, currency)
    assert text is not None
    assert minor_units(text, currency) == units
    assert Decimal(text) == Decimal(units).scaleb({"EUR": -2, "JPY": 0, "KWD": -3}[currency])


@pytest.mark.parametrize(
    ("value", "units"),
    [
        ("19.99", 1999), (19.99, 1999), (20, 2000), ("-0.50", -50), ("1e2", 10000), ("0", 0),
        ("19.999", None), (0.1 + 0.2, None), ("1,5", None), ("NaN", None), ("1e99", None), (True, None), (None, None),
    ],
)  # fmt: skip
def test_what_is_no_exact_amount_is_none(value: Any, units: int | None) -> None:
    assert minor_units(value, "EUR") == units
    assert minor_units("5", "euros") is None


def test_what_cannot_be_carried_over_is_told_by_its_field_and_never_by_its_value() -> None:
    item = {"nr": 1, "state": "s3cret", "total": {"value": "1.999", "currency": "EUR"}, "rows": "none"}
    mapped = to_ours(EVERY, item)
    assert mapped.data == {"id": 1, "currency": "EUR"}
    assert {loss.field for loss in mapped.losses} == {"status", "amount", "lines"}
    assert "s3cret" not in str(mapped.losses)


def test_items_without_what_is_required_are_left_out_and_counted() -> None:
    found = to_ours(RULES.result, {"data": {"list": [{"nr": 1}, {"nr": None}, {}]}})
    assert found.data == {"invoices": [{"id": 1}]}
    assert found.left_out == {"invoices": (2, 3)}
    assert found.losses == {Loss("invoices[].id", "it is missing"): 2}


def test_what_would_hide_something_else_is_told() -> None:
    mapped = to_ours([Rule(("a", "x"), ("b",))], {"a": 5, "b": 6})
    assert mapped.data == {"a": 5}
    assert [loss.field for loss in mapped.losses] == ["a.x"]


def test_what_the_service_owns_is_not_sent_and_what_it_never_had_neither() -> None:
    rules = [Rule(("url",), ("link",), owner=Owner.SERVICE), Rule(("note",), None), Rule(("kind",), None, default="x")]
    assert to_theirs(rules, {"url": "https://x", "note": "n", "kind": "x", "title": "T"}).data == {"title": "T"}
    assert to_ours(rules, {"link": "https://x"}).data == {"url": "https://x", "kind": "x"}
    assert rules[0].default is NOTHING


@given(
    st.dictionaries(names, st.integers()),
    st.dictionaries(names, st.integers()),
    st.dictionaries(names, st.sampled_from(Owner)),
)
def test_no_field_of_ours_is_taken_and_none_of_the_services_given(
    record: dict[str, int], live: dict[str, int], owners: dict[str, Owner]
) -> None:
    taken = take(record, live, owners)
    assert not [name for name in taken.allowed if owners.get(name) is Owner.OURS]
    assert all(owners[name] is Owner.OURS for name in taken.refused)
    assert {**taken.allowed, **taken.refused} == {k: v for k, v in live.items() if k not in record or record[k] != v}
    sent, held = give(record, owners)
    assert {*sent, *held} == set(record)
    assert not [name for name in sent if owners.get(name) is Owner.SERVICE]


class Post(Service):
    """Takes a mail in words of its own, and says what it was given."""

    def capabilities(self) -> dict[str, Capability]:
        return {name: Capability(name, True, {}) for name in ("mail.send", "mail.recall")}

    def target(self, capability: str, payload: Any) -> str:
        return str(payload["recipient"])

    def preview(self, effect: Effect) -> Any:
        from aios.domain.effect import Preview

        return Preview("Send", yaml.safe_dump(dict(effect.payload)), reversible=True)

    def lookup(self, effect: Effect) -> Lookup:
        return Lookup(Outcome(effect.key) if effect.key in self.done() else None, authoritative=True)

    def act(self, effect: Effect) -> Outcome:
        super().act(effect)
        return Outcome(effect.key, "", {"given": dict(effect.payload)})

    def undo(self, effect: Effect, receipt: Receipt) -> Effect:
        payload = {"recipient": effect.payload["recipient"], "undoes": receipt.key}
        return Effect(effect.connector, "mail.recall", "there", payload, effect.run, effect.step, effect.record)


SENT = {
    "mail.send": {"payload": {"to": "recipient", "text": "body.text", "mood": {"from": "tone", "values": {"glad": 1}}}}
}


def posting(root: Path, **more: Any) -> tuple[Post, Map]:
    service = Post(root / "done")
    undone = {"mail.recall": {"payload": {"to": "recipient"}}}
    declared = declared_as(map={**SENT, **undone, **more})
    return service, Map(service, declared.translations, lambda name: declared.place("map", name))


def test_what_is_previewed_is_what_is_sent_and_the_effect_keeps_its_key(tmp_path: Path) -> None:
    service, connector = posting(tmp_path)
    payload = {"to": "ann@x.example", "text": "Hello", "mood": "glad", "id": "1"}
    effect = Effect("post", "mail.send", connector.target("mail.send", payload), payload, "run", "send", "")
    assert effect.target == "ann@x.example"
    assert connector.lookup(effect).found is None
    outcome = connector.act(effect)
    sent = {"recipient": "ann@x.example", "body": {"text": "Hello"}, "tone": 1, "id": "1"}
    assert outcome.response["given"] == yaml.safe_load(connector.preview(effect).text) == sent
    assert service.done() == [effect.key]
    assert connector.lookup(effect).found is not None
    undoing = connector.undo(effect, Receipt(effect.key, "done", HowKnown.ACTED, "2026-01-01T00:00:00Z"))
    assert undoing is not None
    assert undoing.payload == {"to": "ann@x.example", "undoes": effect.key}
    assert undoing.key == Effect("post", "mail.recall", "there", undoing.payload).key
    assert connector.act(undoing).response["given"] == {"recipient": "ann@x.example", "undoes": effect.key}


def test_a_value_that_has_no_entry_is_refused_at_planning_already(tmp_path: Path) -> None:
    service, connector = posting(tmp_path)
    with pytest.raises(RefusedError, match="`mood` cannot be told to post") as caught:
        connector.target("mail.send", {"to": "a", "text": "b", "mood": "angry"})
    assert "angry" not in str(caught.value)
    assert service.asked == []


def test_an_undoing_that_cannot_be_said_in_our_words_is_refused(tmp_path: Path) -> None:
    _, connector = posting(
        tmp_path, **{"mail.recall": {"payload": {"to": {"from": "recipient", "values": {"a": "b"}}}}}
    )
    effect = Effect("post", "mail.send", "x", {"to": "x", "text": "t", "mood": "glad"})
    with pytest.raises(RefusedError, match="cannot say it in our words"):
        connector.undo(effect, Receipt(effect.key, "done", HowKnown.ACTED, ""))


def test_a_dry_run_shows_what_would_be_sent(tmp_path: Path) -> None:
    shown = House(tmp_path, mode="dry-run", map={"mail.send": {"payload": {"to": "recipient"}}}).connector
    effect = Effect("post", "mail.send", "x", {"to": "x"})
    assert shown.act(effect).response["payload"] == {"recipient": "x"}


def test_a_read_of_which_nothing_can_be_used_fails_and_one_that_loses_something_says_so(tmp_path: Path) -> None:
    given: list[dict[str, Any]] = [{"nr": 1, "state": "odd"}, {"nr": 2, "state": "odd"}, {}]

    class Bills(Service):
        def read(self, capability: str, params: Any) -> Collected:
            assert params == {"created_after": "2026"}
            return Collected({"data": {"list": given}})

    service = Bills(tmp_path / "done")
    connector = Map(service, {"invoices.list": RULES}, lambda _: ("state/connectors/bank.yaml", 7, 3))
    found = connector.read("invoices.list", {"since": "2026"})
    assert found.data == {"invoices": [{"id": 1}, {"id": 2}]}
    assert [(each.line, each.rule) for each in found.findings] == [
        (7, "map-loss"),
        (7, "map-loss"),
        (7, "map-left-out"),
    ]
    assert any("(2 times)" in each.message and "`invoices[].status`" in each.message for each in found.findings)
    given[:] = [{}]
    with pytest.raises(AiosError, match=r"nothing of invoices\.list can be used"):
        connector.read("invoices.list", {"since": "2026"})


WRONG = [
    ("map: all", 2, "`map` is not a mapping"),
    ("map:\n  sources.read: x", 3, "is not a mapping"),
    ("map:\n  sources.reed: {}", 3, "does not offer"),
    ("map:\n  sources.read:\n    results: {}", 4, "has no `results`"),
    ("map:\n  sources.read:\n    result:\n      a: b..c", 5, "is no field"),
    ("map:\n  sources.read:\n    result:\n      a: 5", 5, "neither a field"),
    ("map:\n  sources.read:\n    result:\n      a: x\n      b: x", 6, "the same field of theirs"),
    ("map:\n  sources.read:\n    result:\n      a: x\n      b: x.y", 6, "one lies in the other"),
    ("map:\n  sources.read:\n    result:\n      a: {form: x}", 5, "has no `form`"),
    ("map:\n  sources.read:\n    result:\n      a: {from: x, values: {p: s, q: s}}", 5, "the way back is not clear"),
    ("map:\n  sources.read:\n    result:\n      a: {from: x, money: euros}", 5, "neither a currency"),
    ("map:\n  sources.read:\n    result:\n      a: {from: x, owner: them}", 5, "`owner` is `them`"),
    ("map:\n  sources.read:\n    result:\n      a: {from: x, money: EUR, values: {p: s}}", 5, "more than one of"),
    ("map:\n  sources.read:\n    payload: {a: x}\n    always: {x: 1}", 5, "is sent by a field"),
    ("breaker: often", 2, "`breaker` is not a mapping"),
    ("breaker:\n  failures: 0", 3, "`failures` is not a number"),
    ("breaker:\n  failure: 3", 3, "has no `failure`"),
    ("breaker:\n  pause: soon", 3, "is no length of time"),
    ("breaker:\n  pause: 0s", 3, "no time at all"),
    ("limits:\n  items: many", 3, "not a number of items"),
    ("limits:\n  bytes: 0", 3, "not a number of bytes"),
    ("limits:\n  timeout: 0s", 3, "no time at all"),
    ("schema_policy: melt", 2, "`schema_policy` is `melt`"),
]


@pytest.mark.parametrize(("text", "line", "message"), WRONG)
def test_a_mistake_is_a_finding_at_its_line_with_what_to_do(text: str, line: int, message: str) -> None:
    connectors, findings = loaded(f"use: files\n{text}")
    assert connectors == {}
    assert [each.line for each in findings if message in each.message and each.hint] == [line], findings
