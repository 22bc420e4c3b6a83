"""Which notes are due: old and unused, more than are kept, expired; never what the policy or evidence keeps."""

from __future__ import annotations

from typing import Any

import pytest

from aios.domain.record import Record
from aios.memory.retention import Group, due, policy_of

NOW = "2026-11-23T08:00:00Z"
POLICY = policy_of(
    {
        "never": ["memory/lessons/**"],
        "kinds": {"research": {"fold_after_days": 180, "unused_days": 60, "keep_newest": 5}, "summary": {}},
        "default": {"fold_after_days": 365},
    }
)


def note(name: str, created: str, kind: str = "research", **fields: Any) -> Record:
    data = {"schema": "note.v1", "kind": kind, "title": name, "created": created, **fields}
    return Record("note", name, f"memory/{kind}/{name}.md", "note.v1", data, "Text.\n")


def found(*notes: Record, used: dict[str, str] | None = None, evidence: tuple[str, ...] = ()) -> list[Group]:
    return due(POLICY, notes, used=used or {}, evidence=evidence, now=NOW)


def named(groups: list[Group]) -> dict[str, list[str]]:
    return {group.path: [each.id for each in group.notes] for group in groups}


def test_old_notes_on_one_piece_are_one_group_and_young_ones_stay() -> None:
    groups = found(
        note("a", "2026-01-01", content="pricing"),
        note("b", "2026-02-01T09:00:00Z", content="pricing"),
        note("c", "2026-11-01", content="pricing"),
    )
    assert named(groups) == {"memory/summaries/pricing.md": ["a", "b"]}
    assert groups[0].why == "old and unused"


def test_a_single_old_note_is_not_worth_a_summary() -> None:
    assert found(note("a", "2026-01-01", content="pricing")) == []


def test_what_a_run_used_lately_what_evidence_rests_on_and_what_is_weighty_stays() -> None:
    notes = [note(name, "2026-01-01", content="pricing") for name in "abcd"]
    weighty = note("e", "2026-01-01", content="pricing", importance=0.9)
    groups = found(*notes, weighty, used={notes[0].path: "2026-11-01T00:00:00Z"}, evidence=(notes[1].path,))
    assert named(groups) == {"memory/summaries/pricing.md": ["c", "d"]}


def test_beyond_the_newest_so_many_they_are_due_however_young() -> None:
    notes = [note(f"n{day:02}", f"2026-11-{day:02}", content="pricing") for day in range(1, 9)]
    (group,) = found(*notes)
    assert [each.id for each in group.notes] == ["n01", "n02", "n03"]
    assert group.why == "more than are kept"


def test_what_expired_is_folded_by_itself_and_alone() -> None:
    groups = found(note("a", "2026-11-01", kind="season", expires="2026-11-20"))
    assert named(groups) == {"memory/summaries/season-2026-expired.md": ["a"]}


def test_lessons_are_never_folded_even_when_they_expired() -> None:
    lesson = note("a", "2020-01-01", kind="lesson", expires="2021-01-01")
    kept = Record("note", "a", "memory/lessons/a.md", lesson.schema, lesson.data, lesson.body)
    assert found(kept) == []


def test_without_a_policy_nothing_is_due() -> None:
    notes = [note(name, "2001-01-01", content="pricing") for name in "abc"]
    assert due(policy_of({}), notes, used={}, evidence=(), now=NOW) == []


def test_a_kind_may_expire_so_many_days_after_a_note_was_made_unless_it_says_itself_when() -> None:
    policy = policy_of({"kinds": {"season": {"expire_after_days": 30}}, "fewest": 3})
    old = note("old", "2026-10-01", kind="season")
    young = note("young", "2026-11-01", kind="season")
    longer = note("longer", "2026-10-01", kind="season", expires="2027-01-01")
    (group,) = due(policy, [old, young, longer], used={}, evidence=(), now=NOW)
    assert [each.id for each in group.notes] == ["old"]
    assert group.why == "expired"


def test_a_note_holds_until_its_last_day_is_over_as_in_recall() -> None:
    for day, now, is_due in (("2026-11-23", NOW, False), ("2026-11-22", NOW, True)):
        (each,) = [note("a", "2026-11-01", kind="season", expires=day)]
        assert bool(due(POLICY, [each], used={}, evidence=(), now=now)) is is_due


def test_what_does_not_say_when_it_was_made_is_never_old_and_the_first_that_is_too_many() -> None:
    undated = Record("note", "u", "memory/research/u.md", "note.v1", {"kind": "research", "content": "pricing"}, "")
    assert found(undated, undated) == []
    notes = [note(f"n{day:02}", f"2026-11-{day:02}", content="pricing") for day in range(1, 7)]
    assert named(found(undated, *notes)) == {"memory/summaries/pricing.md": ["u", "n01"]}


def test_a_date_that_is_none_stops_nothing() -> None:
    assert found(note("a", "2026-99-99", content="x", expires="2026-02-31"), note("b", "2026-99-98", content="x")) == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"fold_after_days": -1},
        {"fold_after_days": "soon"},
        {"fold_after_days": 30.5},
        {"fold_after_days": True},
        {"fold_after_days": None},
        {"unused_days": "never"},
        {"keep_newest": -3},
        {"expire_after_days": [1]},
        {"importance": "high"},
        {"importance": 7},
        {"passages": {}},
        {"summary": "poem"},
        {"summary": ["prose"]},
        {"importence": 0.9},
        "fold everything",
        ["a"],
        7,
    ],
)
def test_a_rule_that_cannot_be_read_folds_nothing_of_its_kind_and_the_others_hold(wrong: Any) -> None:
    rule = {"fold_after_days": 30, **wrong} if isinstance(wrong, dict) else wrong
    policy = policy_of({"kinds": {"research": rule, "season": {"fold_after_days": 30}}})
    notes = [note(name, "2020-01-01", kind=kind) for kind in ("research", "season") for name in "ab"]
    (group,) = due(policy, notes, used={}, evidence=(), now=NOW)
    assert {each.get("kind") for each in group.notes} == {"season"}


@pytest.mark.parametrize(
    "wrong",
    [
        {"never": 7},
        {"never": [1]},
        {"never": "memory/**"},
        {"never": None},
        {"fewest": 0},
        {"fewest": "two"},
        {"kinds": [1]},
    ],
)
def test_a_policy_that_cannot_be_read_folds_nothing_at_all(wrong: Any) -> None:
    policy = policy_of({"default": {"fold_after_days": 30}, **wrong})
    assert due(policy, [note(name, "2020-01-01") for name in "ab"], used={}, evidence=(), now=NOW) == []


def test_the_summary_of_what_expired_is_folded_no_further() -> None:
    over = Record(
        "note", "o", "memory/summaries/season-2026-expired.md", "note.v1", {"kind": "summary", "expires": "2026-01-01"}
    )
    assert found(over) == []


def test_a_summary_is_not_folded_into_itself() -> None:
    policy = policy_of({"kinds": {"summary": {"fold_after_days": 30}}})
    notes = [
        Record("note", name, f"memory/summaries/{name}.md", "note.v1", {"kind": "summary", "created": "2020-01-01"}, "")
        for name in ("summary-2020", "a", "b")
    ]
    assert named(due(policy, notes, used={}, evidence=(), now=NOW)) == {"memory/summaries/summary-2020.md": ["a", "b"]}
