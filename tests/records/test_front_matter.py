"""Text out of data and back: nothing changes its meaning on the way."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from aios.domain.front_matter import render_markdown, render_yaml, split
from aios.store.documents import dump, parse
from aios.store.edit import same

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40) | st.sampled_from(
    [
        "no",
        "on",
        "08",
        "1e3",
        "0o7",
        "2026-03-02",
        "null",
        "~",
        "",
        " ",
        "- a",
        "a: b",
        "#",
        "a\n",
        "a\n\nb\n",
        "\n",
        "x \ny\n",
        "<<",
        "=",
        "1_0",
        "12:30",
        "|",
        "'",
        '"',
        "---",
        "...",
        "é",
        "😀",
        "\ufeffx",
        "a\tb",
        "\x85",
        "a\u2028b\n",
    ]
)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3), max_leaves=8
)
DATA = st.dictionaries(TEXT, VALUES, max_size=5)


def read(text: str, path: str = "a.yaml") -> Any:
    document, findings = parse(path, text.encode())
    assert findings == []
    assert document is not None
    return document


@settings(deadline=None)
@given(DATA)
def test_what_is_written_reads_back_as_it_was(data: dict[str, Any]) -> None:
    assert same(read(dump(data)).data, data)


@settings(deadline=None)
@given(DATA, st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r"), max_size=60))
def test_a_body_comes_back_as_it_was(data: dict[str, Any], body: str) -> None:
    text = render_markdown(data, body)
    assert split(text)[1] == body
    if "<<<<<<<" not in body:
        document = read(text, "a.md")
        assert document.body == body
        assert same(document.data, data)
        assert text.splitlines(keepends=False)[0] == "---"


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from("abc"), TEXT, max_size=3))
def test_a_reader_of_yaml_1_1_takes_no_text_for_anything_but_text_or_a_date(data: dict[str, str]) -> None:
    loaded = yaml.load(render_yaml(data), Loader=yaml.SafeLoader) or {}
    for key, value in data.items():
        assert loaded[key] == value or value[:4].isdigit()


def test_the_body_starts_behind_one_blank_line() -> None:
    assert split("---\na: 1\n---\n\nProse\n") == ("a: 1\n", "Prose\n", 5)
    assert split("---\na: 1\n---\nProse\n") == ("a: 1\n", "Prose\n", 4)
    assert split("---\r\na: 1\r\n---\r\n\r\nProse\r\n") == ("a: 1\r\n", "Prose\r\n", 5)
    assert split("---\na: 1\n---") == ("a: 1\n", "", 3)
    assert split("Prose\n---\n") == ("", "Prose\n---\n", 1)
    assert split("---\nnever closed\n") == ("", "---\nnever closed\n", 1)


def test_dates_stay_plain_and_long_text_becomes_a_block() -> None:
    data = {"since": "2026-03-02", "paid": "no", "zip": "08", "notes": "One.\nTwo.\n", "tags": ["a"], "none": None}
    assert dump(data) == (
        "since: 2026-03-02\npaid: 'no'\nzip: '08'\nnotes: |\n  One.\n  Two.\ntags:\n- a\nnone: null\n"
    )


class Colour(StrEnum):
    RED = "red"


def test_enumerations_and_tuples_are_written_as_what_they_stand_for() -> None:
    assert dump({"colour": Colour.RED, "pair": (1, 2)}) == "colour: red\npair:\n- 1\n- 2\n"


def test_the_same_object_twice_is_written_out_twice() -> None:
    shared = {"a": 1}
    assert "&" not in dump({"x": shared, "y": shared})


@pytest.mark.parametrize(("value", "error"), [(object(), TypeError), (float("nan"), ValueError), ({1: 2}, TypeError)])
def test_what_no_record_can_hold_is_not_written(value: object, error: type[Exception]) -> None:
    with pytest.raises(error):
        dump({"a": value})
