"""The schema guard: what it sees, what it says, what passes, and what was agreed to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aios.connectors.drift import Drift, Folder, accepted, changes_of, known, to_folder
from aios.connectors.shapes import MOST, Accepted, Change, Kind, added, extended, look, put_back
from aios.connectors.sidecars.guard import DriftError, Guard, SchemaPolicy
from aios.domain.effect import Capability, Collected, Outcome
from aios.store.trees import EmptyTree, OverlayTree
from aios.store.validators import compiled
from tests.effects.service import EFFECT, Service

ITEM: dict[str, Any] = {
    "type": "object",
    "required": ["id", "status", "amount_due"],
    "properties": {
        "id": {"type": "string"},
        "status": {"enum": ["open", "paid"], "type": "string"},
        "amount_due": {"type": "integer"},
        "due": {"type": ["string", "null"]},
        "customer": {"type": "object", "required": ["email"], "properties": {"email": {"type": "string"}}},
        "tags": {"type": "array", "items": {"type": "string"}},
        "labels": {"type": "object", "additionalProperties": {"type": "string"}},
    },
}
SHAPE: dict[str, Any] = {
    "type": "object",
    "required": ["invoices"],
    "properties": {"invoices": {"type": "array", "items": ITEM}},
}
GOOD: dict[str, Any] = {
    "id": "in_1",
    "status": "open",
    "amount_due": 1999,
    "due": None,
    "customer": {"email": "ann@secret.example"},
    "tags": ["a"],
    "labels": {"any name": "x"},
}
WHERE = ("state/connectors/bank.yaml", 4, 1)


@dataclass
class Bank(Service):
    items: list[dict[str, Any]] = field(default_factory=lambda: [GOOD])

    def capabilities(self) -> Mapping[str, Capability]:
        answer = {"type": "object", "properties": {"ok": {"type": "boolean"}}}
        return {
            "invoices.list": Capability("invoices.list", False, {}, result=SHAPE, cursor=True),
            "mail.send": Capability("mail.send", True, {}, result=answer),
        }

    def read(self, capability: str, params: Mapping[str, Any]) -> Collected:
        return Collected({"invoices": self.items}, cursor={"at": 2})


class Stand:
    def __init__(self, root: Path, policy: SchemaPolicy = SchemaPolicy.EVOLVE, **learned: Any) -> None:
        self.bank, self.told = Bank(root / "done"), list[Drift]()
        known = {"invoices.list": learned.pop("known", frozenset())}
        self.guard = Guard(self.bank, policy, {"invoices.list": Accepted(**learned)}, known, self.told.append, WHERE)

    def read(self, *items: dict[str, Any]) -> Collected:
        self.bank.items = list(items)
        return self.guard.read("invoices.list", {"cursor": {"at": 1}})

    def said(self) -> list[str]:
        return [each.id for drift in self.told for each in drift.changes]


def but(**changes: Any) -> dict[str, Any]:
    """A good item with other fields; those that are `...` are not there."""
    return {name: value for name, value in {**GOOD, **changes}.items() if value is not ...}


def test_what_is_as_it_was_known_passes_untouched(tmp_path: Path) -> None:
    stand = Stand(tmp_path, SchemaPolicy.FREEZE)
    found = stand.read(GOOD, but(due=..., tags=..., labels=..., customer=...))
    assert (found.data["invoices"][0], found.findings, found.cursor, stand.told) == (GOOD, (), {"at": 2}, [])


CHANGES = [
    (but(extra=1), "added invoices[].extra integer"),
    (but(amount_due="19.99"), "retyped invoices[].amount_due string"),
    (but(status="disputed"), "value invoices[].status string"),
    (but(amount_due=...), "missing invoices[].amount_due"),
    (but(amount_due=..., amount_remaining=5), "renamed invoices[].amount_due amount_remaining"),
    (but(due=..., due_date="2026"), "renamed invoices[].due due_date"),
    (but(customer={"mail": "a@x.example"}), "renamed invoices[].customer.email mail"),
    (but(tags=[1]), "retyped invoices[].tags[] integer"),
    (but(labels={"x": 5}), "retyped invoices[].labels.* integer"),
    (but(**{"bad\nname; `rm`": 1}), "added invoices[].(oddly named) integer"),
]


@pytest.mark.parametrize(("item", "change"), CHANGES)
def test_a_change_is_told_once_for_all_items_and_never_what_is_in_them(
    item: dict[str, Any], change: str, tmp_path: Path
) -> None:
    stand = Stand(tmp_path)
    whole = any(each in change for each in ("renamed", "missing", "value", "retyped invoices[].amount")) and (
        "due_date" not in change and "customer" not in change
    )
    if whole:  # no item is of use then
        with pytest.raises(DriftError, match="can be used"):
            stand.read(item, item)
        if "renamed" not in change:
            found = stand.read(item, item, GOOD, GOOD)
            assert [each["amount_due"] for each in found.data["invoices"]] == [1999, 1999]
            assert any("2 of 4 invoices" in each.message for each in found.findings)
    else:
        found = stand.read(item, item)
        assert len([each for each in found.findings if each.rule == "schema-drift"]) == 1
        assert found.findings[0].path == WHERE[0]
        assert not any(each in str(found.findings) for each in ("secret.example", "19.99", "disputed", "rm"))
    assert set(stand.said()) == {change}
    assert stand.told[0].cursor == {"at": 1}
    assert "secret.example" not in str(stand.told)


@pytest.mark.parametrize(("item", "change"), CHANGES)
def test_a_frozen_shape_refuses_every_change_and_still_tells_it(
    item: dict[str, Any], change: str, tmp_path: Path
) -> None:
    stand = Stand(tmp_path, SchemaPolicy.FREEZE, known=frozenset({change}))
    with pytest.raises(DriftError, match="frozen"):
        stand.read(GOOD, item)


def test_a_known_change_is_not_told_again_but_a_loss_is(tmp_path: Path) -> None:
    stand = Stand(tmp_path, known=frozenset({"added invoices[].extra integer", "missing invoices[].amount_due"}))
    assert stand.read(but(extra=1)).findings == ()
    lost = stand.read(GOOD, but(amount_due=...))
    assert [each.rule for each in lost.findings] == ["schema-left-out"]
    assert stand.told == []


def test_discard_drops_what_is_unknown_and_evolve_keeps_it(tmp_path: Path) -> None:
    assert Stand(tmp_path).read(but(extra=1)).data["invoices"][0]["extra"] == 1
    stand = Stand(tmp_path, SchemaPolicy.DISCARD)
    assert stand.read(but(extra=1)).data["invoices"] == [GOOD]
    assert stand.told[0].asks
    assert not Drift("a", "b", "evolve", ()).changes


def test_an_unknown_field_that_passes_asks_nothing(tmp_path: Path) -> None:
    stand = Stand(tmp_path)
    stand.read(but(extra=1))
    assert [drift.asks for drift in stand.told] == [False]


def test_an_act_that_is_done_is_never_refused_for_what_it_answers(tmp_path: Path) -> None:
    class Changed(Bank):
        def act(self, effect: Any) -> Outcome:
            return Outcome("1", "", {"ok": "yes"})

    told: list[Drift] = []
    guard = Guard(Changed(tmp_path / "done"), SchemaPolicy.FREEZE, {}, {}, told.append, WHERE)
    assert guard.act(EFFECT).response == {"ok": "yes"}
    assert [each.id for each in told[0].changes] == ["retyped ok string"]


AGREED: list[tuple[dict[str, Any], dict[str, Any], Any]] = [
    ({"renamed": {"invoices[].amount_due": "amount_remaining"}}, but(amount_due=..., amount_remaining=5), 5),
    ({"types": {"invoices[].amount_due": ("string",)}}, but(amount_due="19.99"), "19.99"),
    ({"optional": frozenset({"invoices[].amount_due"})}, but(amount_due=...), None),
    ({"types": {"invoices[].status": ("string",)}}, but(status="disputed"), 1999),
    ({"types": {"invoices[].extra": ("integer",)}}, but(extra=1), 1999),
    ({"types": {"invoices[].tags[]": ("integer",)}}, but(tags=[1, "a"]), 1999),
    ({"types": {"invoices[].labels.*": ("integer",)}}, but(labels={"x": 5}), 1999),
    ({"renamed": {"invoices[].customer.email": "mail"}}, but(customer={"mail": "a"}), 1999),
]


@pytest.mark.parametrize(("learned", "item", "amount"), AGREED)
def test_what_was_agreed_to_passes_even_where_the_shape_is_frozen(
    learned: dict[str, Any], item: dict[str, Any], amount: Any, tmp_path: Path
) -> None:
    stand = Stand(tmp_path, SchemaPolicy.FREEZE, **learned)
    found = stand.read(item)
    assert found.data["invoices"][0].get("amount_due") == amount
    assert stand.told == []


def test_with_both_names_there_the_old_one_counts_and_the_new_one_is_told(tmp_path: Path) -> None:
    stand = Stand(tmp_path, renamed={"invoices[].amount_due": "amount_remaining"})
    assert stand.read(but(amount_remaining=5)).data["invoices"][0]["amount_due"] == 1999
    assert stand.said() == ["added invoices[].amount_remaining integer"]


def test_an_unlike_name_is_not_taken_for_the_heir_of_one_that_may_be_missing(tmp_path: Path) -> None:
    stand = Stand(tmp_path)
    stand.read(but(due=..., zebra="x"))
    assert stand.said() == ["added invoices[].zebra string"]


def test_a_field_that_was_there_before_is_not_the_heir_of_one_that_is_gone() -> None:
    gone = {"invoices": [but(amount_due=..., state_of_it=7)]}
    assert [each.to for each in look(SHAPE, gone).changes if each.kind is Kind.RENAMED] == ["state_of_it"]
    seen = look(SHAPE, gone, before=added(["added invoices[].state_of_it integer"]))
    assert [each.kind for each in seen.changes if each.field == "invoices[].amount_due"] == [Kind.MISSING]


def test_very_many_new_names_are_told_within_bounds() -> None:
    seen = look(SHAPE, {"invoices": [but(**{f"n{each}": each for each in range(5_000)}, **{"x" * 9_000: 1})]})
    assert len(seen.changes) == MOST
    assert all(len(each.id) < 100 for each in seen.changes)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*GOOD, "x"]), inner, max_size=4),
    max_leaves=12,
)


@given(values, st.booleans())
def test_whatever_comes_what_is_kept_fits_the_shape_and_what_fits_is_kept(value: Any, drop: bool) -> None:
    seen = look(SHAPE, value, drop_unknown=drop)
    valid = compiled(SHAPE)
    assert valid is not None
    if seen.data is not None:
        assert valid(seen.data)
    if valid(value) and not seen.changes:
        assert seen.data is not None
    again = look(SHAPE, seen.data, drop_unknown=drop) if seen.data is not None else seen
    assert again.data == seen.data


@given(st.lists(st.integers()))
def test_a_renamed_field_is_put_back_and_nothing_else_is_touched(amounts: list[int]) -> None:
    learned = Accepted(renamed={"invoices[].amount_due": "owed"})
    data = {"invoices": [but(amount_due=..., owed=each) for each in amounts]}
    before = repr(data)
    assert put_back(data, learned) == {"invoices": [but(amount_due=each) for each in amounts]}
    assert repr(data) == before
    assert extended(SHAPE, learned) == SHAPE


def test_drift_waits_in_its_folder_once_and_what_is_cut_off_there_is_seen_again(tmp_path: Path) -> None:
    drift = Drift(
        "bank", "invoices.list", "evolve", (Change("invoices[].a", Kind.RENAMED, "b"),), {"x": "y"}, {"at": 1}
    )
    sink, folder = to_folder(tmp_path), Folder(tmp_path)
    sink(drift)
    sink(drift)
    (tmp_path / "bank-drift-0.json").write_text('{"connector": ')
    assert list(folder.all()) == [drift]
    folder.forget(drift)
    assert list(folder.all()) == []
    assert list(tmp_path.iterdir()) == []


def test_what_is_on_record_is_known_and_what_is_no_field_there_is_none() -> None:
    changes = [{"field": "invoices[].a", "kind": "renamed", "to": "b"}, {"field": "a\nb", "kind": "added", "to": ""}]
    lines = ["schema: signal.v1", "name: schema-drift", "inputs:", "  connector: bank", "  capability: invoices.list"]
    text = "\n".join([*lines, f"  changes: {changes}".replace("'", '"')])
    shape = "schema: shape.v1\nconnector: bank\nreads:\n  invoices.list:\n    renamed: {a: b}\n    optional: [c]\n"
    tree = OverlayTree(
        EmptyTree(), {"state/signals/bank-drift-1.yaml": text.encode(), "state/shapes/bank.yaml": shape.encode()}
    )
    assert known(tree, "bank") == {"invoices.list": frozenset({"renamed invoices[].a b"})}
    assert known(tree, "other") == {}
    assert accepted(tree, "bank") == {"invoices.list": Accepted({"a": "b"}, {}, frozenset({"c"}))}
    assert list(changes_of([{"kind": "other", "field": "x"}, 5, {"kind": "added", "field": "x", "to": "a;b"}])) == []
