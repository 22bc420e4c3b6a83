"""No text is so wrong that it makes anything but a value or an `ExpressionError` of one line."""

from __future__ import annotations

import math
import re
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from aios.expressions import ExpressionError, Scope, compile_value, declare, evaluate, holes, render

SCHEMA: dict[str, Any] = {"type": "object", "properties": {"b": {"type": "array", "items": {"type": "object"}}}}
SCOPE = Scope(declare("a", SCHEMA) | {"n": {"type": "integer"}, "s": {"type": "string"}, "d": {}})
VALUES: dict[str, Any] = {"a": {"b": [{"c": 1}]}, "n": 3, "s": "text", "d": None}
WORDS = re.split(
    " ",
    "a a.b a.c n s d x 1 2.5 'q' \"w\" ( ) [ ] { } . , : ? + - * / % ! && || == != < <= in has( size( .map( .all( "
    ".filter( .exists( slug( null true // r' ''' \\ ` ${{ }} for 0x 1e9 1u b'y' int( type( .matches( timestamp( "
    "duration( ; # @ ü \x00",
)
fragments = st.lists(st.sampled_from(WORDS) | st.text(max_size=4), max_size=14).map(" ".join)
joined = st.lists(st.sampled_from(WORDS), max_size=14).map("".join)
texts = fragments | joined | st.text(max_size=60)


def _is_json(value: Any) -> bool:
    if isinstance(value, dict):
        return all(isinstance(k, str) and _is_json(v) for k, v in value.items())
    if isinstance(value, list):
        return all(map(_is_json, value))
    return value is None or isinstance(value, str | bool | int) or (isinstance(value, float) and math.isfinite(value))


def _told(error: ExpressionError) -> None:
    assert "\n" not in str(error)
    assert len(str(error)) < 600


@given(texts)
def test_any_text_is_checked_or_refused(text: str) -> None:
    try:
        assert compile_value(text, SCOPE)
    except ExpressionError as error:
        _told(error)


@given(texts)
def test_any_text_is_evaluated_or_refused(text: str) -> None:
    try:
        assert _is_json(evaluate(text, VALUES))
    except ExpressionError as error:
        _told(error)


@given(st.recursive(texts | st.integers() | st.none(), lambda each: st.lists(each) | st.dictionaries(st.text(), each)))
def test_any_value_is_rendered_or_refused(value: Any) -> None:
    try:
        found = render(value, VALUES)
        assert type(found) is type(value) or list(holes(value))
    except ExpressionError as error:
        _told(error)


@given(st.text(alphabet="${} 'n\"", max_size=30))
def test_any_arrangement_of_braces_is_rendered_or_refused(text: str) -> None:
    try:
        render(text, VALUES)
    except ExpressionError as error:
        _told(error)


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**62), 2**62)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda each: st.lists(each, max_size=4) | st.dictionaries(st.text(max_size=5), each, max_size=4),
    max_leaves=12,
)


@given(values)
def test_a_value_comes_through_unchanged(value: Any) -> None:
    found = render("${{ d }}", {"d": value})
    assert found == value
    assert type(found) is type(value)
