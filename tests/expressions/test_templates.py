"""`${{ … }}` in values: a whole value keeps its type, inside text it becomes text, and nothing is rendered twice."""

from __future__ import annotations

from typing import Any

import pytest

from aios.expressions import ExpressionError, holes, render, render_text, whole

VALUES: dict[str, Any] = {
    "n": 3,
    "half": 0.5,
    "yes": True,
    "none": None,
    "name": "Acme",
    "many": [1, {"b": 2, "a": 1}],
    "evil": "${{ n }} {{ n }} $(n)",
}


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("${{ n }}", 3),
        ("  ${{n}}\n", 3),
        ("${{ half }}", 0.5),
        ("${{ yes }}", True),
        ("${{ none }}", None),
        ("${{ many }}", [1, {"a": 1, "b": 2}]),
        ("plain", "plain"),
        ("", ""),
        ("n = ${{ n }}!", "n = 3!"),
        ("${{ n }}${{ n }}", "33"),
        ("${{ n }} and ${{ name }}", "3 and Acme"),
        ("${{ half }} ${{ yes }} ${{ none }} ${{ many }}", '0.5 true null [1,{"a":1,"b":2}]'),
        ("${{ {'a': {'b': n}} }}", {"a": {"b": 3}}),
        ("${{ '}}' }}", "}}"),
        ("a ${{ '}} ' + name }} b", "a }} Acme b"),
        ("${{ evil }}", "${{ n }} {{ n }} $(n)"),
        ("see ${{ evil }}", "see ${{ n }} {{ n }} $(n)"),
        ("${{ '$' + '{{ n }}' }}", "${{ n }}"),
        ("$ {{ n }} {{ n }} }}", "$ {{ n }} {{ n }} }}"),
        ({"a": ["${{ n }}", {"b": "x${{ n }}"}], "c": 1}, {"a": [3, {"b": "x3"}], "c": 1}),
        (("${{ n }}", None), [3, None]),
        ({"${{ n }}": 1}, {"${{ n }}": 1}),
    ],
)
def test_a_value_is_rendered_once(template: Any, expected: Any) -> None:
    found = render(template, VALUES)
    assert found == expected
    assert type(found) is type(expected)


def test_text_is_text_whatever_the_type() -> None:
    assert render_text("${{ n }}", VALUES) == "3"
    assert render_text("${{ none }}", VALUES) == "null"


def test_every_expression_of_a_value_is_found() -> None:
    assert list(holes({"a": "${{ x }} ${{ y }}", "b": ["${{ z }}"], "c": 1})) == [" x ", " y ", " z "]


@pytest.mark.parametrize("text", ["${{ n", "${{ n }", "a ${{", "${{ {'a': 1 }}", "${{ } }}"])
def test_an_expression_that_does_not_end_is_an_error(text: str) -> None:
    with pytest.raises(ExpressionError, match="is never closed"):
        list(holes(text))
    with pytest.raises(ExpressionError, match="is never closed"):
        render(text, VALUES)


def test_only_one_expression_alone_is_a_whole_value() -> None:
    assert whole(" ${{ n }} ") == " n "
    assert [whole(each) for each in ("${{ n }}${{ n }}", "${{ n }}.", "n", 3, None, "")] == [None] * 6
