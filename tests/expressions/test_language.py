"""What the engine behind our interface must do, whichever engine it is: one row per promise."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from aios.expressions import ExpressionError, evaluate, evaluate_bool

VALUES: dict[str, Any] = {
    "whole": 7,
    "part": 1.5,
    "text": "Grüße",
    "yes": True,
    "nothing": None,
    "many": [3, 1, 2],
    "both": {"b": 1, "a": None, "with-dash": 2},
    "deep": {"er": {"list": [{"name": "x"}]}},
}


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("1 + 2 * 3", 7),
        ("(1 + 2) * 3", 9),
        ("7 / 2", 3),
        ("-7 / 2", -3),
        ("7 % 3", 1),
        ("-7 % 3", -1),
        ("7.0 / 2.0", 3.5),
        ("-whole", -7),
        ("0x1F", 31),
        ("whole < 7.5", True),
        ("whole > part", True),
        ("whole == 7.0", True),
        ("whole != 8 && !(whole > 8)", True),
        ("yes || whole / 0 == 1", True),
        ("whole / 0 == 1 || yes", True),
        ("!yes && whole / 0 == 1", False),
        ("yes ? 'a' : 'b'", "a"),
        ("int('12') + int(2.9)", 14),
        ("double(1) / 2.0", 0.5),
        ("string(12) + string(true)", "12true"),
        ("nothing == null", True),
        ("both.a == null", True),
        ("dyn(1) == '1'", False),
        ("'a' + \"b\" + r'\\d'", "ab\\d"),
        ("'''one\ntwo'''", "one\ntwo"),
        ("'\\u00fc' == 'ü'", True),
        ("size(text)", 5),
        ("text.size()", 5),
        ("size('👍')", 1),
        ("text.contains('üß')", True),
        ("text.startsWith('Gr') && text.endsWith('ße')", True),
        ("text.matches('^G.*e$')", True),
        ("'a' < 'b'", True),
        ("slug('Über Größe & mehr!')", "ueber-groesse-mehr"),
        ("many[0]", 3),
        ("many + [9]", [3, 1, 2, 9]),
        ("size(many)", 3),
        ("2 in many", True),
        ("many == [3, 1, 2]", True),
        ("[1, 'a', null, [true]]", [1, "a", None, [True]]),
        ("many.all(x, x > 0)", True),
        ("many.exists(x, x > 2)", True),
        ("many.exists_one(x, x > 2)", True),
        ("many.map(x, x * 2)", [6, 2, 4]),
        ("many.map(x, x > 1, x * 2)", [6, 4]),
        ("many.filter(x, x > 1)", [3, 2]),
        ("[].all(x, false)", True),
        ("both.b", 1),
        ("both['with-dash']", 2),
        ("'b' in both && !('z' in both)", True),
        ("has(both.b) && has(both.a) && !has(both.z)", True),
        ("has(deep.er.list) && !has(deep.er.more)", True),
        ("has(both.z) ? both.z : 'none'", "none"),
        ("size(both)", 3),
        ("both == {'a': null, 'b': 1, 'with-dash': 2}", True),
        ("{'k': [1, {'z': null}]}", {"k": [1, {"z": None}]}),
        ("deep.er.list[0].name", "x"),
        ("deep.er.list.exists(each, each.name == 'x')", True),
        ("1 + 1 // a remark", 2),
    ],
)
def test_an_expression_has_its_value_and_its_type(expression: str, expected: Any) -> None:
    found = evaluate(expression, VALUES)
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("expression", "message", "hint"),
    [
        ("", "the expression is empty", "write a value such as inputs.topic"),
        ("  \n", "the expression is empty", "write a value such as inputs.topic"),
        ("whole +", "`whole +` ends too early", "something is missing at its end"),
        ("'open", "`'open` at character 1: token recognition error at: ''open'", ""),
        ("wole", "`wole` is unknown in `wole`", "did you mean `whole`?"),
        ("text.upper()", "there is no function `upper` for `text.upper()`", "there are size, has, slug"),
        ("both.z", "there is no `z` in `both.z`", "ask with has(…) first"),
        ("many[5]", "`many[5]`: Index error: index=5 size=3", ""),
        ("whole / 0", "`whole / 0`: divide by zero", ""),
        ("9223372036854775807 + 1", "`9223372036854775807 + 1`: integer overflow", ""),
        ("whole * 1.5", "`*` cannot take int and double in `whole * 1.5`", "a number with decimals takes another one"),
        ("1 == '1'", "`==` cannot take int and string in `1 == '1'`", "see the types of its parts"),
        ("null + 1", "`+` cannot take null and int in `null + 1`", "it is never null; ask with has(…)"),
        ("slug(whole)", "`slug` cannot take int in `slug(whole)`", "see the types of its parts"),
        ("int('x')", "`int('x')`: cannot convert string to int", ""),
        ("1.0 / 0.0", "`1.0 / 0.0` gave inf, which is no JSON", "give text, a number"),
        ("{1: 2}", "`{1: 2}` gave a map with keys that are no text", "give text, a number"),
        ("duration('1s')", "`duration('1s')` gave 0:00:01, which is no JSON", "give text, a number"),
        ("b'raw'", "`b'raw'` gave bytearray(b'raw'), which is no JSON", "give text, a number"),
        ("${{ whole }}", "`${{ … }}` has no place inside an expression", "write the bare expression"),
        ("text.matches('((')", "`text.matches('((')`: invalid regular expression: missing ): ((", ""),
    ],
)
def test_what_cannot_be_evaluated_says_why_in_one_line(expression: str, message: str, hint: str) -> None:
    with pytest.raises(ExpressionError) as raised:
        evaluate(expression, VALUES)
    assert raised.value.message == message
    assert raised.value.hint.startswith(hint)
    assert bool(raised.value.hint) == bool(hint)


def test_a_condition_that_is_neither_true_nor_false_is_an_error() -> None:
    with pytest.raises(ExpressionError, match="`whole` gave 7, not true or false"):
        evaluate_bool("whole", VALUES)
    assert evaluate_bool("whole > 6", VALUES) is True


@pytest.mark.parametrize(
    "expression", ["now()", "timestamp.now()", "rand()", "random()", "uuid()", "env('HOME')", "read('/etc/passwd')"]
)
def test_there_is_no_clock_no_chance_and_no_world(expression: str) -> None:
    with pytest.raises(ExpressionError):
        evaluate(expression, VALUES)


def test_maps_are_gone_through_in_the_order_of_their_keys_in_every_process() -> None:
    code = (
        "from aios.expressions import evaluate\n"
        "m = {'m': {k: {'n': 1} for k in 'qwertzuiop'}}\n"
        "print(evaluate('m.map(k, k)', m), evaluate('m.filter(k, k != \"q\")', m), list(evaluate('m', m)),\n"
        '      evaluate(\'{"b": 1, "a": 2, "c": 3}.map(k, k)\', {}))\n'
    )
    said = {
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        for _ in range(3)
    }
    letters = str(sorted("qwertzuiop"))
    assert said == {f"{letters} {letters.replace(repr('q') + ', ', '')} {letters} ['a', 'b', 'c']\n"}


def test_a_name_that_a_macro_binds_hides_the_one_outside() -> None:
    assert evaluate("many.map(whole, whole + 1)", VALUES) == [4, 2, 3]


def test_words_in_strings_and_remarks_are_no_names() -> None:
    assert evaluate("'.map(x, y)' + 'has(a)' // .filter(", VALUES) == ".map(x, y)has(a)"


def test_values_that_no_expression_can_name_are_left_alone() -> None:
    assert evaluate("whole", {**VALUES, "no-name": 1, "for": 2, "": 3}) == 7


def test_numbers_beyond_64_bits_are_refused_not_cut() -> None:
    with pytest.raises(ExpressionError, match="out of range"):
        evaluate("big + 1", {"big": 2**70})
    assert evaluate("a.big", {"a": {"big": 2**70}}) == 2**70


def test_a_value_cannot_be_called_like_a_type() -> None:
    with pytest.raises(ExpressionError):
        evaluate("list[0]", {"list": [1]})
    assert evaluate("a.list[0]", {"a": {"list": [1]}}) == 1
