"""Lines merge like git's do, and no line is lost."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from aios.store.diff3 import matches, merge_text, split_lines

TEXTS = st.lists(st.sampled_from(["a\n", "b\n", "c\n", "d\n", "\n", "x"]), max_size=12).map("".join)


def test_changes_apart_from_each_other_are_both_taken() -> None:
    assert merge_text("a\nb\nc\nd\n", "A\nb\nc\nd\n", "a\nb\nc\nD\nE\n") == ("A\nb\nc\nD\nE\n", [])


def test_the_same_change_on_both_sides_is_taken_once() -> None:
    assert merge_text("a\nb\nc\n", "a\nX\nc\n", "a\nX\nc\n") == ("a\nX\nc\n", [])


def test_different_changes_of_a_line_are_a_conflict_in_which_ours_stays() -> None:
    text, conflicts = merge_text("a\nb\nc\n", "a\nX\nc\n", "a\nY\nc\n")
    assert text == "a\nX\nc\n"
    assert [(hunk.base, hunk.ours, hunk.theirs, hunk.line) for hunk in conflicts] == [(("b\n",), ("X\n",), ("Y\n",), 2)]
    assert merge_text("a\nb\nc\n", "a\nX\nc\n", "a\nY\nc\n", favour_theirs=True)[0] == "a\nY\nc\n"


def test_a_deletion_against_a_change_is_a_conflict() -> None:
    assert len(merge_text("a\nb\nc\n", "a\nc\n", "a\nB\nc\n")[1]) == 1


def test_a_text_without_a_last_line_end_does_not_swallow_the_next_line() -> None:
    assert merge_text("a\nx\nb", "a\nx\nb\nc\n", "A\nx\nb") == ("A\nx\nb\nc\n", [])


@given(TEXTS, TEXTS)
def test_one_changed_side_wins_whole(base: str, side: str) -> None:
    assert merge_text(base, side, base) == (side, [])
    assert merge_text(base, base, side) == (side, [])
    assert merge_text(base, side, side) == (side, [])


@settings(max_examples=200)
@given(TEXTS, TEXTS, TEXTS)
def test_conflicts_do_not_depend_on_who_is_who(base: str, ours: str, theirs: str) -> None:
    one, other = merge_text(base, ours, theirs), merge_text(base, theirs, ours, favour_theirs=True)
    assert bool(one[1]) == bool(other[1])
    assert one[0] == other[0]


@given(TEXTS, TEXTS, TEXTS)
def test_a_line_that_one_side_added_and_nobody_contests_is_in_the_result(base: str, ours: str, theirs: str) -> None:
    text, conflicts = merge_text(base, ours, theirs)
    if not conflicts:
        known = {line.strip() for line in split_lines(base)}
        for side in (ours, theirs):
            for line in {line.strip() for line in split_lines(side)} - known:
                assert line in {each.strip() for each in split_lines(text)}


@given(TEXTS, TEXTS)
def test_matches_are_equal_lines_in_order(before: str, after: str) -> None:
    old, new = split_lines(before), split_lines(after)
    last = (0, 0)
    for start, into, length in matches(old, new):
        assert (start, into) >= last
        assert old[start : start + length] == new[into : into + length]
        last = (start + length, into + length)
    assert last == (len(old), len(new))


def test_only_line_feeds_end_lines() -> None:
    assert split_lines("a\x0bb\u2028c\r\nd") == ["a\x0bb\u2028c\r\n", "d"]
