"""Values from outside are read within bounds: what is odd about them is an error here, not a surprise later."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aios.domain.outside import DEEPEST, LARGEST, json_of, mended


@given(st.text(st.characters(codec=None, categories=None)))
def test_a_mended_text_can_be_written_and_a_whole_one_stays(text: str) -> None:
    assert mended(text).encode().decode() == mended(text)
    whole = text.encode(errors="ignore").decode()
    assert mended(whole) == whole


TOO_DEEP = ["[" * 100_000, "[" * (DEEPEST + 1) + "]" * (DEEPEST + 1), '{"a":' * 900 + "1" + "}" * 900]
NO_NUMBER = ["9" * 6_000, str(LARGEST + 1), "1e999", "NaN", "-Infinity", '{"a": [1, NaN]}']


@pytest.mark.parametrize("text", [*TOO_DEEP, *NO_NUMBER, "", "{", "{} and more"], ids=lambda text: text[:20])
def test_what_is_too_deep_too_large_or_no_value_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        json_of(text)


def test_what_follows_may_be_allowed() -> None:
    assert json_of('Here: {"a": 1} – done', 6, alone=False) == {"a": 1}


def test_halves_of_letters_are_mended_in_names_and_values() -> None:
    assert json_of(r'{"\ud800": ["\ud83c\udf88", "a\udc00"]}') == {"�": ["🎈", "a�"]}


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-LARGEST, LARGEST) | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(_VALUES)
def test_everything_else_is_read_as_it_is(value: object) -> None:
    assert json_of(json.dumps(value)) == value
