"""Two changed copies of a record become one that holds both changes, or say where they cannot."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aios.store.documents import dump, parse
from aios.store.edit import same
from aios.store.merge import BODY, WHOLE, Conflict, merge_documents, merge_files
from aios.store.merge_data import merge_data
from tests.records.generated import RECORDS, layouts

PATH = "state/customers/acme.yaml"
BASE = b"""# who they are
schema: customer.v1
name: Acme
status: trial      # since spring
tags: [berlin, agency]
price: {amount: 4900, currency: EUR}
contacts:
  - name: Ines
    role: owner
  - name: Tom
notes: |
  First line.
  Second line.
  Third line.
"""


def merged(ours: bytes, theirs: bytes, base: bytes | None = BASE, path: str = PATH) -> tuple[str, list[Conflict]]:
    result = merge_documents(path, base, ours, theirs)
    assert result.content is not None
    return result.content.decode(), list(result.conflicts)


def test_changes_of_neighbouring_fields_are_both_taken_with_ours_comments() -> None:
    ours = BASE.replace(b"name: Acme\n", b"name: Acme GmbH   # renamed\n")
    theirs = BASE.replace(b"trial ", b"active")
    text, conflicts = merged(ours, theirs)
    assert conflicts == []
    assert text == ours.decode().replace("trial ", "active")


def test_different_values_of_one_field_are_a_conflict_and_ours_stays() -> None:
    ours, theirs = BASE.replace(b"trial", b"active"), BASE.replace(b"trial", b"churned").replace(b"Acme", b"Acme 2")
    text, conflicts = merged(ours, theirs)
    assert conflicts == [Conflict(("status",), "trial", "active", "churned")]
    assert text == ours.decode().replace("Acme", "Acme 2")


def test_lists_merge_as_sets_that_keep_their_order() -> None:
    ours = BASE.replace(b"[berlin, agency]", b"[new, berlin, agency]")
    theirs = BASE.replace(b"[berlin, agency]", b"[berlin, big]")
    text, conflicts = merged(ours, theirs)
    assert conflicts == []
    assert "tags: [new, berlin, big]" in text


def test_a_list_put_in_another_order_by_one_side_and_changed_by_the_other_is_a_conflict() -> None:
    ours = BASE.replace(b"[berlin, agency]", b"[agency, berlin]")
    theirs = BASE.replace(b"[berlin, agency]", b"[berlin, agency, x]")
    assert [conflict.where for conflict in merged(ours, theirs)[1]] == [("tags",)]


def test_things_with_a_name_merge_one_by_one() -> None:
    ours = BASE.replace(b"role: owner", b"role: founder")
    theirs = BASE.replace(b"  - name: Tom\n", b"  - name: Tom\n    role: cto\n  - name: Eva\n")
    text, conflicts = merged(ours, theirs)
    assert conflicts == []
    document, _ = parse(PATH, text.encode())
    assert document is not None
    assert document.data["contacts"] == [
        {"name": "Ines", "role": "founder"},
        {"name": "Tom", "role": "cto"},
        {"name": "Eva"},
    ]


def test_nested_fields_and_long_text_merge_inside() -> None:
    ours = BASE.replace(b"4900", b"5900").replace(b"First line.", b"First line, changed.")
    theirs = BASE.replace(b"EUR", b"USD").replace(b"Third line.", b"Third line.\n  Fourth line.")
    text, conflicts = merged(ours, theirs)
    assert conflicts == []
    assert "price: {amount: 5900, currency: USD}" in text
    assert "  First line, changed.\n  Second line.\n  Third line.\n  Fourth line.\n" in text


def test_front_matter_and_prose_merge_apart() -> None:
    base = b"---\ntitle: A # t\nstatus: planned\n---\n\nOne.\n\nTwo.\n\nThree.\n"
    ours = base.replace(b"One.", b"One, by hand.").replace(b"# t", b"# mine")
    theirs = base.replace(b"planned", b"drafted").replace(b"Three.", b"Three.\n\nFour.")
    text, conflicts = merged(ours, theirs, base, "state/content/a.md")
    assert conflicts == []
    assert text == "---\ntitle: A # mine\nstatus: drafted\n---\n\nOne, by hand.\n\nTwo.\n\nThree.\n\nFour.\n"


def test_a_conflict_in_prose_names_its_line() -> None:
    base = b"---\na: 1\n---\n\nOne.\n\nTwo.\n"
    ours, theirs = base.replace(b"Two", b"2"), base.replace(b"Two", b"II")
    text, conflicts = merged(ours, theirs, base, "state/content/a.md")
    assert conflicts == [Conflict((*BODY, 3), "Two.\n", "2.\n", "II.\n")]
    assert text == ours.decode()


def test_deleted_on_one_side_and_changed_on_the_other_is_a_conflict() -> None:
    changed = BASE.replace(b"trial", b"active")
    assert merge_documents(PATH, BASE, None, BASE).content is None
    assert merge_documents(PATH, BASE, BASE, None) == merge_documents(PATH, BASE, None, None)
    gone = merge_documents(PATH, BASE, None, changed)
    assert (gone.content, [conflict.where for conflict in gone.conflicts]) == (None, [WHOLE])
    kept = merge_documents(PATH, BASE, changed, None)
    assert (kept.content, [conflict.where for conflict in kept.conflicts]) == (changed, [WHOLE])


def test_a_record_that_both_sides_made_merges_from_nothing() -> None:
    text, conflicts = merged(b"a: 1\nb: 2\n", b"a: 1\nc: 3\n", None)
    assert (text, conflicts) == ("a: 1\nb: 2\nc: 3\n", [])
    assert merged(b"a: 1\n", b"a: 2\n", None)[1] == [Conflict(("a",), None, 1, 2)]


def test_what_is_no_readable_record_merges_by_line() -> None:
    base = b"a: 1\n\nb: [\n\nc: 3\n"
    text, conflicts = merged(base.replace(b"1", b"2"), base.replace(b"3", b"4"), base)
    assert (text, conflicts) == ("a: 2\n\nb: [\n\nc: 4\n", [])
    assert merged(b"x\n", b"y\n", b"z\n", "notes.txt")[1] == [Conflict((*BODY, 1), "z\n", "x\n", "y\n")]
    binary = merge_documents("logo.png", b"\xff\x00", b"\xff\x01", b"\xff\x02")
    assert (binary.content, len(binary.conflicts)) == (b"\xff\x01", 1)


def test_true_and_one_are_two_values() -> None:
    assert merged(b"a: true\n", b"a: 1.0\n", b"a: 1\n")[1] == [Conflict(("a",), 1, True, 1.0)]


@pytest.fixture
def three(tmp_path: Path) -> tuple[Path, Path, Path]:
    return tmp_path / "base", tmp_path / "ours", tmp_path / "theirs"


def test_the_merge_driver_writes_the_merged_record_to_ours(three: tuple[Path, Path, Path]) -> None:
    texts = (BASE, BASE.replace(b"trial", b"active"), BASE.replace(b"4900", b"5900"))
    for path, text in zip(three, texts, strict=True):
        path.write_bytes(text)
    assert merge_files(*three, name=PATH)
    assert three[1].read_bytes() == BASE.replace(b"trial", b"active").replace(b"4900", b"5900")


def test_the_merge_driver_marks_what_is_in_conflict_so_that_nobody_takes_it_for_settled(
    three: tuple[Path, Path, Path],
) -> None:
    texts = (b"a: 1\nb: 1\nc: 1\n", b"a: 2\nb: 1\nc: 1\n", b"a: 3\nb: 1\nc: 4\n")
    for path, text in zip(three, texts, strict=True):
        path.write_bytes(text)
    assert not merge_files(*three, name=PATH)
    content = three[1].read_bytes()
    assert content == b"<<<<<<< ours\na: 2\n=======\na: 3\n>>>>>>> theirs\nb: 1\nc: 4\n"
    assert [finding.rule for finding in parse(PATH, content)[1]] == ["conflict-marker"]


@settings(deadline=None, max_examples=60)
@given(layouts(), RECORDS)
def test_one_changed_side_wins_byte_by_byte(record: tuple[dict[str, Any], str], other: dict[str, Any]) -> None:
    ours, theirs = record[1].encode(), dump(other).encode()
    assert merge_documents(PATH, ours, ours, theirs).content == theirs
    assert merge_documents(PATH, theirs, ours, theirs).content == ours
    assert merge_documents(PATH, None, ours, ours).content == ours


@settings(deadline=None, max_examples=150)
@given(RECORDS, layouts(), layouts())
def test_no_field_that_one_side_has_and_the_other_left_alone_is_ever_lost(
    base: dict[str, Any], ours: tuple[dict[str, Any], str], theirs: tuple[dict[str, Any], str]
) -> None:
    result = merge_documents(PATH, dump(base).encode(), ours[1].encode(), theirs[1].encode())
    assert result.content is not None
    document, findings = parse(PATH, result.content)
    data = document.data if document else {}
    assert findings == [] or not data
    in_conflict = {conflict.where[0] for conflict in result.conflicts}
    absent = object()
    for one, other in ((ours[0], theirs[0]), (theirs[0], ours[0])):
        for key in {*base, *one, *other}:
            before, mine, yours = (side.get(key, absent) for side in (base, one, other))
            if yours is before or (yours is not absent and before is not absent and same(yours, before)):
                assert (key in data) == (mine is not absent), "what one side left alone is as the other has it"
                assert mine is absent or same(data[key], mine)
            elif key in in_conflict:
                assert mine is absent or yours is absent or not same(mine, yours)
    if data.keys() >= ours[0].keys():  # with a field its comment may go
        comments = [line for line in ours[1].splitlines() if line.startswith("# ")]
        assert set(comments) <= set(result.content.decode().splitlines())


NESTED = st.recursive(
    st.integers(0, 3) | st.lists(st.integers(0, 4), max_size=3),
    lambda inner: st.dictionaries(st.sampled_from("abcd"), inner, max_size=3),
    max_leaves=8,
)
DEEP = st.dictionaries(st.sampled_from("abcd"), NESTED, max_size=4)


@settings(max_examples=300)
@given(DEEP, DEEP, DEEP)
def test_conflicts_lie_at_the_same_places_whoever_merges(
    base: dict[str, Any], ours: dict[str, Any], theirs: dict[str, Any]
) -> None:
    one, other = merge_data(base, ours, theirs), merge_data(base, theirs, ours)
    assert {(each.where, str(each.ours), str(each.theirs)) for each in one[1]} == {
        (each.where, str(each.theirs), str(each.ours)) for each in other[1]
    }


@settings(max_examples=200)
@given(DEEP, DEEP)
def test_merging_with_a_side_that_changed_nothing_gives_the_other(base: dict[str, Any], side: dict[str, Any]) -> None:
    assert merge_data(base, side, base) == (side, [])
    assert merge_data(base, base, side) == (side, [])
    assert merge_data(base, side, side) == (side, [])
