"""Cutting versions into fields tells the same changes as reading both of them whole, only sooner."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from aios.domain.event import Change
from aios.domain.front_matter import render_yaml
from aios.store.documents import parse
from aios.store.edit import same
from aios.store.fields import FieldChange, Versions

YAML, PROSE = "state/customers/acme.yaml", "state/content/hello.md"


def compare(path: str, before: str | None, after: str | None) -> list[FieldChange]:
    blobs = {name: text.encode() for name, text in (("old", before), ("new", after)) if text is not None}
    change = Change(path, "old" if before is not None else "", "new" if after is not None else "")
    return Versions(blobs.get).compare(change)


def told(path: str, before: str | None, after: str | None) -> dict[str, tuple[Any, Any]]:
    return {change.field: (change.before, change.after) for change in compare(path, before, after)}


SCALARS = st.none() | st.booleans() | st.integers(-999, 999) | st.floats(-9, 9) | st.text(max_size=20)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab:#", min_size=1), inner, max_size=2),
    max_leaves=4,
)
RECORDS = st.dictionaries(st.sampled_from(["schema", "name", "status", "tags", "x-a", "notes"]), VALUES, min_size=1)


@settings(deadline=None, max_examples=200)
@given(RECORDS, RECORDS, st.sampled_from(["", "# said\n", "\n"]), st.booleans())
def test_it_tells_what_reading_both_whole_tells(
    before: dict[str, Any], after: dict[str, Any], between: str, prose: bool
) -> None:
    def text(record: dict[str, Any]) -> str:
        fields = between.join(render_yaml({key: value}) for key, value in record.items())
        return f"---\n{fields}---\n\nSome words.\n" if prose else fields

    path = PROSE if prose else YAML
    documents = [parse(path, text(record).encode())[0] for record in (before, after)]
    if None in documents:
        return
    old, new = (dict(document.data) for document in documents if document is not None)
    expected = {
        name: (old.get(name), new.get(name))
        for name in old.keys() | new.keys()
        if name not in old or name not in new or not same(old[name], new[name])
    }
    found = told(path, text(before), text(after))
    # A field that is there and null is told like one that is not there: neither says anything.
    assert {name: pair for name, pair in found.items() if pair != (None, None)} == {
        name: pair for name, pair in expected.items() if pair != (None, None)
    }


@settings(deadline=None, max_examples=200)
@given(st.binary(max_size=80), st.binary(max_size=80), st.sampled_from([YAML, PROSE, "state/logo.png"]))
def test_no_content_is_too_odd(before: bytes, after: bytes, path: str) -> None:
    blobs = {"old": before, "new": after}
    for change in Versions(blobs.get).compare(Change(path, "old", "new")):
        assert str(change)


def test_comments_and_order_and_quotes_are_no_changes() -> None:
    assert told(YAML, "a: 1  # one\nb: 'x'\n", '# first\nb: "x"\na: 1\n') == {}


def test_a_type_that_changed_is_a_change() -> None:
    assert told(YAML, "a: 1\n", "a: '1'\n") == {"a": (1, "1")}
    assert told(YAML, "a: true\n", "a: 1\n") == {"a": (True, 1)}


def test_prose_is_told_by_its_length_even_where_that_stays() -> None:
    front = "---\ntitle: A\n---\n\n"
    assert told(PROSE, f"{front}One two.\n", f"{front}Two one.\n") == {"body": ("2 words", "2 words")}
    assert told(PROSE, None, f"{front}One two.\n") == {"title": (None, "A"), "body": (None, "2 words")}


def test_what_spans_lines_is_one_field() -> None:
    before = "notes: |\n  one\n\n  # not a comment\ntags:\n- a\n- b\nflow: {a: 1,\n  b: 2}\n"
    after = before.replace("one", "two").replace("- b", "- c")
    assert told(YAML, before, after) == {
        "notes": ("one\n\n# not a comment\n", "two\n\n# not a comment\n"),
        "tags": (["a", "b"], ["a", "c"]),
    }


def test_a_file_that_cannot_be_read_is_told_by_its_size() -> None:
    assert told(YAML, "a: [\n", "a: [[\n") == {"body": ("5 bytes", "6 bytes")}


def test_a_link_in_the_place_of_a_record_has_no_fields() -> None:
    change = Change(YAML, "old", "new", "", "120000")
    assert [str(each) for each in Versions({"old": b"a: 1\n", "new": b"target"}.get).compare(change)] == [
        "customers/acme: a 1 → –"
    ]


def test_what_a_value_keeps_at_its_end_is_what_the_file_says() -> None:
    before = "a: |+\n  one\n\n# said\n\nb:\n- x\n# said too\n- y\nc: |\n  end"
    after = before.replace("one", "two").replace("- y", "- z").replace("end", "end\n")
    old, new = (parse(YAML, text.encode())[0] for text in (before, after))
    assert old is not None
    assert new is not None
    assert told(YAML, before, after) == {name: (old.data[name], new.data[name]) for name in ("a", "b", "c")}
    assert told(YAML, before, before.replace("said", "unsaid")) == {}


def test_a_version_is_read_once_while_changes_follow_one_another() -> None:
    blobs = {str(number): f"name: {number}\nother: x\n".encode() for number in range(50)}
    asked: list[str] = []

    def read(blob: str) -> bytes:
        asked.append(blob)
        return blobs[blob]

    versions = Versions(read)
    for number in range(49):
        assert not versions.knows(YAML, str(number + 1))
        (change,) = versions.compare(Change(YAML, str(number), str(number + 1)))
        assert (change.field, change.before, change.after) == ("name", number, number + 1)
    assert asked == list(blobs)
