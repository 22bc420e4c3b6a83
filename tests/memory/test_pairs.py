"""Pairs of notes of which perhaps only one should stand: found whatever their order, and nothing else with them."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

from aios.domain.record import Record
from aios.memory.pairs import CONTRADICT, FIGURES, TWICE, pairs

NOW = "2026-11-28T09:00:00Z"
TEXT = "Half of all readers leave before the table comes. Nobody has written to us about the colours of the chart."


def note(name: str, body: str, created: Any = "2026-01-01", **data: Any) -> Record:
    path = f"memory/{data.get('kind', 'research')}/{name}.md"
    fields: Mapping[str, Any] = {"kind": "research", "title": name, "created": created} | data
    return Record("note", name, path, "note.v1", fields, body)


def lesson(name: str, title: str, **data: Any) -> Record:
    return note(name, f"{title}.\n", kind="lesson", title=title, **data)


def found(*notes: Record) -> list[tuple[str, str, str]]:
    mixed = list(notes)
    random.Random(7).shuffle(mixed)
    told = [(pair.rule, pair.first.id, pair.second.id) for pair in pairs(mixed, now=NOW)]
    assert told == [(pair.rule, pair.first.id, pair.second.id) for pair in pairs(notes, now=NOW)]
    return told


def test_the_same_sentence_with_another_number_is_a_pair_the_older_first() -> None:
    old = note("old", "A review takes us 14 hours on average, all told.", "2025-01-01")
    new = note("new", "Some words before.\n\n> A review takes us 9 hours\n> on average, all told.", "2026-01-01")
    other = note("other", "A review takes us 14 hours on average, all told, or so they say.")
    assert found(old, other) == []
    new = note("new", "Some words before.\n\n> A review takes us 9 hours on average, all told.", "2026-01-01")
    (pair,) = pairs([new, old, other], now=NOW)
    assert (pair.rule, pair.first.id, pair.second.id) == (FIGURES, "old", "new")
    assert pair.said[1] == ("A review takes us 9 hours on average, all told.",)


def test_twins_are_found_wherever_their_texts_begin_and_their_difference_is_told() -> None:
    twin = note("twin", f"Some title\n\n{TEXT}", "2026-02-01")
    (pair,) = pairs(
        [twin, note("one", TEXT), note("else", "Something else is told here, at about this length.")], now=NOW
    )
    assert (pair.rule, pair.first.id, pair.second.id) == (TWICE, "one", "twin")
    assert pair.said == ((), ("Some title",))


def test_opposite_lessons_and_other_words_for_the_same_are_pairs_where_they_hold_in_one_place() -> None:
    yes, no = lesson("yes", "Always mention prices"), lesson("no", "Never mention prices", created="2026-02-01")
    assert found(yes, no) == [(CONTRADICT, "yes", "no")]
    here = lesson("here", "Never mention prices", applies={"workflow": "publish-content"})
    there = lesson("there", "Always mention prices", applies={"workflow": "send-newsletter"})
    assert found(here, there) == []
    one = lesson("one", "Write a", wording={"instead_of": "utilize", "write": "use"})
    two = lesson("two", "Write b", wording={"instead_of": "Utilize", "write": "employ"}, created="2026-02-01")
    assert found(one, two) == [(CONTRADICT, "one", "two")]


def test_what_is_replaced_expired_a_summary_or_taken_over_is_in_no_doubt() -> None:
    one = note("one", TEXT)
    for twin in (
        note("replaced", TEXT, replaced_by="memory/research/one.md"),
        note("expired", TEXT, expires="2026-11-01"),
        note("summary", TEXT, kind="summary"),
        note("later", TEXT, **{"x-passages": [{"held": "memory/research/one.md"}]}),
    ):
        assert found(one, twin) == []


def test_what_notes_tell_with_ever_other_figures_is_a_series_and_no_doubt() -> None:
    said = [
        note(f"n{number}", f"In week {number} the page had {number} readers in all, said Ada.") for number in range(90)
    ]
    assert pairs(said, now=NOW) == []
    assert len(pairs(said[:2], now=NOW)) == 1
