"""Edits touch what they change, and nothing else."""

from __future__ import annotations

import difflib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aios.domain.record import Where
from aios.errors import InvalidError
from aios.store.documents import parse
from aios.store.edit import DELETE, apply, edit, same
from tests.records.generated import FIELDS, LISTS, NESTED, SCALARS, layouts

RECORD = """# top
schema:   customer.v1   # the kind
name:  'Quoted name'
# about the address
email: "a@b.example"
since: 2026-03-02

# the tags
tags:
    - a    # first
    - "b"
long: this is a very long plain
  scalar over two lines
empty:
nothing: ~
price: {amount: 4900, currency: EUR}
contacts:
  - name: Ines   # owner
    role: owner
  - name: Tom
notes: |
  One.

  # not a comment
last: 1
# the end
"""


def changed(changes: dict[Where | str, Any], text: str = RECORD) -> str:
    """Removed and added lines, without their places."""
    before, after = text.splitlines(), edit(text, changes).splitlines()
    lines = difflib.unified_diff(before, after, lineterm="", n=0)
    return "\n".join(f"{line[0]} {line[1:]}" for line in lines if line[0] in "-+" and line not in {"--- ", "+++ "})


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"last": 2}, "- last: 1\n+ last: 2"),
        ({"name": "Other"}, "- name:  'Quoted name'\n+ name: 'Other'"),
        ({"email": "x@y.example"}, '- email: "a@b.example"\n+ email: "x@y.example"'),
        ({"since": "2027-01-01"}, "- since: 2026-03-02\n+ since: 2027-01-01"),
        ({"since": DELETE}, "- since: 2026-03-02"),
        ({"email": DELETE}, '- email: "a@b.example"'),
        ({"tags": ["a", "b", "c"]}, "+     - c"),
        ({"tags": ["b"]}, "-     - a    # first"),
        ({("tags", 2): "c"}, "+     - c"),
        ({("tags", 0): DELETE}, "-     - a    # first"),
        ({"long": "short"}, "- long: this is a very long plain\n-   scalar over two lines\n+ long: short"),
        ({"empty": "no"}, '- empty:\n+ empty: "no"'),
        ({"nothing": False}, "- nothing: ~\n+ nothing: false"),
        ({("price", "amount"): 5900}, "- price: {amount: 4900, currency: EUR}\n+ price: {amount: 5900, currency: EUR}"),
        ({("contacts", 0, "role"): "cto"}, "-     role: owner\n+     role: cto"),
        ({("contacts", 1, "role"): "it"}, "+     role: it"),
        ({("contacts", 2): {"name": "Eva"}}, "+   - name: Eva"),
        ({"contacts": [{"name": "Ines", "role": "owner"}]}, "-   - name: Tom"),
        ({("new", "deep", "er"): 1}, "+ new:\n+   deep:\n+     er: 1"),
        ({"new": "08"}, "+ new: '08'"),
        ({"new": None}, "+ new: null"),
        ({"new": "One.\nTwo.\n"}, "+ new: |\n+   One.\n+   Two."),
        ({"absent": DELETE}, ""),
        ({("absent", "deep"): DELETE}, ""),
        ({"last": 1}, ""),
    ],
)
def test_only_the_touched_lines_change(changes: dict[Where | str, Any], expected: str) -> None:
    assert changed(changes) == expected


def test_a_comment_below_a_deleted_field_stays() -> None:
    assert "# the end" in edit(RECORD, {"last": DELETE})
    assert "# the tags" in edit(RECORD, {"since": DELETE})


@pytest.mark.parametrize("own", ["", "   # second"])
def test_a_comment_below_a_list_stays_above_what_follows_when_the_list_grows(own: str) -> None:
    text = f'name: x\nwho:\n  - a   # first\n  - "b"{own}\n# about the next\n# in two lines\nnext: 1\n'
    assert changed({("who", 2): "c", "more": {"of": "it"}}, text) == "+   - c\n+ more:\n+   of: it"
    assert edit(text, {("who", 2): "c"}) == text.replace("# about", "  - c\n# about")


def test_changes_apply_in_their_order() -> None:
    assert edit("a: 1\n", {"b": 2, ("c",): [1], ("c", 1): 2, "a": DELETE}) == "b: 2\nc:\n- 1\n- 2\n"


def test_windows_line_ends_stay() -> None:
    assert edit("a: 1\r\nb: 2   # x\r\n", {"a": 3}) == "a: 3\r\nb: 2   # x\r\n"
    text = "---\r\na: 1\r\nb: 2   # x\r\n---\r\n\r\nProse\r\n"
    assert edit(text, {"a": 3}) == text.replace("a: 1", "a: 3")


def test_a_missing_last_line_end_is_made_good() -> None:
    assert edit("a: 1\nb: 2", {"c": 3}) == "a: 1\nb: 2\nc: 3\n"


def test_front_matter_is_edited_and_the_body_stays_byte_by_byte() -> None:
    text = "---\nschema: content.v1\nstatus:  planned # yet\n---\n\nProse --- with\n---\ntraps: 1\n"
    assert edit(text, {"status": "drafted"}) == text.replace("planned", "drafted")
    assert (
        edit(text, {"status": "drafted"}, body="New.\n")
        == "---\nschema: content.v1\nstatus:  drafted # yet\n---\n\nNew.\n"
    )
    assert edit(text, {}, body="New.\n") == "---\nschema: content.v1\nstatus:  planned # yet\n---\n\nNew.\n"
    assert edit("---\na: 1\n---\nNo blank.\n", {"a": 2}) == "---\na: 2\n---\nNo blank.\n"
    assert edit("---\n---\n\nEmpty.\n", {"a": 2}) == "---\na: 2\n---\n\nEmpty.\n"
    assert edit("Just prose.\n", {}, body="Other.\n") == "Other.\n"


def test_what_cannot_be_read_cannot_be_edited() -> None:
    with pytest.raises(InvalidError, match="line 2"):
        edit("a: 1\na: 2\n", {"a": 3})
    with pytest.raises(InvalidError, match="line 3"):
        edit("---\na: 1\na: 2\n---\n", {"a": 3})
    with pytest.raises(InvalidError, match="no body"):
        edit("a: 1\n", {"a": 3}, body="x")


def test_a_path_that_leads_nowhere_is_an_error_of_the_caller() -> None:
    with pytest.raises(KeyError):
        edit("a: 1\n", {("a", "b"): 3})
    with pytest.raises(KeyError):
        edit("a: [1]\n", {("a", 5): 3})


@settings(deadline=None, max_examples=150)
@given(layouts(), FIELDS, SCALARS | LISTS | NESTED | st.just(DELETE))
def test_an_edit_sets_the_field_and_leaves_every_other_line_alone(
    record: tuple[dict[str, Any], str], field: str, value: Any
) -> None:
    data, text = record
    after = edit(text, {field: value})
    document, findings = parse("a.yaml", after.encode()) if after.strip() else (None, [])
    expected = apply(data, {field: value})
    if not expected and document is None:
        return
    assert findings == []
    assert document is not None
    assert same(document.data, expected)
    start, _ = parse("a.yaml", text.encode())
    assert start is not None
    lines = text.splitlines()
    own = sorted(line for where, (line, _) in start.positions.items() if where[:1] == (field,))
    others = sorted(line for where, (line, _) in start.positions.items() if where and where[:1] != (field,))
    end = next((line for line in others if own and line > own[0]), len(lines) + 1)
    kept = lines[: own[0] - 1] + lines[end - 1 :] if own else lines
    remaining = iter(after.splitlines())
    assert all(line in remaining for line in kept if line), (text, after)
    comments = [line for line in lines if line.startswith("#")]
    assert all(line in after.splitlines() for line in comments)
