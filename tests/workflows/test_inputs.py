"""Inputs of a run: text from the command line by schema, errors of one line with a hint."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aios.domain.workflow import Workflow
from aios.errors import UsageError
from aios.runs.inputs import LIMIT, parse_inputs, problem_of

DECLARED: dict[str, dict[str, Any]] = {
    "topic": {"type": "string", "minLength": 3},
    "days": {"type": "integer", "minimum": 1, "maximum": 90, "default": 7},
    "share": {"type": "number", "default": 1},
    "draft": {"type": "boolean", "default": False},
    "sources": {"type": "array", "items": {"type": "string"}, "default": []},
    "counts": {"type": "array", "items": {"type": "integer"}, "maxItems": 3, "default": []},
    "options": {"type": "object", "default": {}},
    "note": {"type": "string", "required": False},
    "maybe": {"type": ["string", "null"], "default": None},
    "level": {"enum": ["low", "high", 3], "default": "low"},
}
FLOW = Workflow("publish", "", (), DECLARED, "s", {})
DEFAULTS: dict[str, Any] = {
    "days": 7,
    "share": 1.0,
    "draft": False,
    "sources": [],
    "counts": [],
    "options": {},
    "note": None,
    "maybe": None,
    "level": "low",
}


def given_(*pairs: str) -> dict[str, Any]:
    return parse_inputs(FLOW, ["topic=abc", *pairs])


def test_defaults_fill_what_is_not_given_with_the_declared_type() -> None:
    found = given_()
    assert found == {"topic": "abc", **DEFAULTS}
    assert isinstance(found["share"], float)
    assert list(found) == list(DECLARED)


@pytest.mark.parametrize(
    ("pairs", "name", "expected"),
    [
        (["days=3"], "days", 3),
        (["days= 3 "], "days", 3),
        (["days=3.0"], "days", 3),
        (["share=2"], "share", 2.0),
        (["share=2.5e-1"], "share", 0.25),
        (["draft=true"], "draft", True),
        (["sources=a"], "sources", ["a"]),
        (["sources=a", "sources=b=c"], "sources", ["a", "b=c"]),
        (["sources=a\nb\n"], "sources", ["a", "b"]),
        (['sources=["a, b", "c"]'], "sources", ["a, b", "c"]),
        (["sources="], "sources", []),
        (["sources=3"], "sources", ["3"]),
        (["counts=3", "counts=4"], "counts", [3, 4]),
        (["counts=[3,4]"], "counts", [3, 4]),
        (['options={"a": [1, null]}'], "options", {"a": [1, None]}),
        (["note=true"], "note", "true"),
        (["note="], "note", ""),
        (["note=a=b"], "note", "a=b"),
        ([" note =x"], "note", "x"),
        (["maybe=null"], "maybe", "null"),
        (["level=high"], "level", "high"),
        (["level=3"], "level", 3),
    ],
)
def test_text_becomes_a_value_of_the_declared_type(pairs: list[str], name: str, expected: Any) -> None:
    found = given_(*pairs)[name]
    assert found == expected
    assert type(found) is type(expected)


LISTING = (
    "its inputs: topic (string), days (integer), share (number), draft (boolean), sources (array), counts (array), "
    "options (object), note (string), maybe (string or null), level (any)"
)


@pytest.mark.parametrize(
    ("pairs", "message", "hint"),
    [
        (["days"], "`days` is no input", "write NAME=VALUE"),
        (["=3"], "`=3` is no input", "write NAME=VALUE"),
        (["dayz=3"], "publish has no input `dayz`", "did you mean `days`?"),
        (["zzz=3"], "publish has no input `zzz`", LISTING),
        (["days=three"], "the input `days` cannot be `three`", "write a whole number such as 3"),
        (["days="], "the input `days` cannot be ``", "write a whole number such as 3"),
        (["days=2.5"], "the input `days` of publish: 2.5 is not of type 'integer'", LISTING),
        (["days=true"], "the input `days` of publish: True is not of type 'integer'", LISTING),
        (["days=0"], "the input `days` of publish: 0 is less than the minimum of 1", LISTING),
        (["days=3", "days=4"], "the input `days` is given twice", "only lists may be given more than once"),
        (["share=NaN"], "the input `share` cannot be `NaN`", "write a number such as 2.5"),
        (["share=-Infinity"], "the input `share` cannot be `-Infinity`", "write a number such as 2.5"),
        (["draft=yes"], "the input `draft` cannot be `yes`", "write true or false"),
        (["counts=x"], "the input `counts` cannot be `x`", "write a whole number such as 3"),
        (["counts=[1"], "the input `counts` cannot be `[1`", "write several times NAME=VALUE, or a JSON list such as"),
        (['counts=["a"]'], "the input `counts` of publish: [0]: 'a' is not of type 'integer'", LISTING),
        (["counts=[1,2,3,4]"], "the input `counts` of publish: [1, 2, 3, 4] is too long", LISTING),
        (["options=[1]"], "the input `options` of publish: [1] is not of type 'object'", LISTING),
        (["options={a: 1}"], "the input `options` cannot be `{a: 1}`", 'write a JSON mapping such as {"a": 1}'),
        (["level=middle"], "the input `level` cannot be `middle`", "write text, or JSON"),
        (["note=\udcff"], "an input of publish is not text in UTF-8 or JSON", "check its encoding"),
        (["note=" + "x" * LIMIT], "the inputs of publish are larger than 32 KiB", "give a file's or folder's name"),
    ],
)
def test_what_is_wrong_is_said_in_a_line_with_a_hint(pairs: list[str], message: str, hint: str) -> None:
    with pytest.raises(UsageError) as raised:
        given_(*pairs)
    assert raised.value.message == message
    assert raised.value.hint.startswith(hint)


def test_an_input_that_is_needed_and_missing_is_named() -> None:
    with pytest.raises(UsageError) as raised:
        parse_inputs(FLOW, [])
    assert raised.value.message == "publish needs the input `topic`"
    assert raised.value.hint == f'add --input topic="…"; {LISTING}'


def test_a_trigger_gives_values_as_they_are_and_they_are_checked_too() -> None:
    assert parse_inputs(FLOW, {"topic": "abc", "share": 2}) == {"topic": "abc", **DEFAULTS, "share": 2.0}
    with pytest.raises(UsageError, match="'3' is not of type 'integer'"):
        parse_inputs(FLOW, {"topic": "abc", "days": "3"})
    with pytest.raises(UsageError, match="not text in UTF-8 or JSON"):
        parse_inputs(FLOW, {"topic": "abc", "options": {"a": float("nan")}})


def test_a_schema_that_cannot_be_used_is_a_problem_not_a_crash() -> None:
    for schema in (
        {"pattern": "("},
        {"$ref": "http://example.com/x"},
        {"$ref": "#"},
        {"type": "int"},
        {"minLength": "a"},
    ):
        assert problem_of("x", schema).startswith("its schema cannot be used: "), schema


def test_an_item_schema_may_have_its_own_required_fields() -> None:
    flow = Workflow("w", "", (), {"o": {"type": "object", "required": ["a"]}}, "s", {})
    assert parse_inputs(flow, ['o={"a": 1}']) == {"o": {"a": 1}}
    with pytest.raises(UsageError, match="'a' is a required property"):
        parse_inputs(flow, ["o={}"])


@given(
    st.lists(
        st.tuples(st.sampled_from([*DECLARED, "", "x"]), st.text(max_size=20)).map("=".join) | st.text(), max_size=4
    )
)
def test_any_pairs_are_inputs_or_an_error_of_one_line(pairs: list[str]) -> None:
    try:
        found = given_(*pairs)
    except UsageError as raised:
        told = (str(raised), raised.hint)
    else:
        told = (json.dumps(found, allow_nan=False), "a value")
    assert "\n" not in told[0]
    assert told[1]
