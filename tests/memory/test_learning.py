"""What corrections teach: choices of words, what is left out, how a title is put; figures are facts, not habits."""

from __future__ import annotations

from aios.memory.learning import (
    Known,
    Lesson,
    contradicted,
    corrections,
    lesson_of_words,
    lessons_of_corrections,
    merged,
    render,
)
from aios.memory.notes import note_of
from aios.store.documents import parse

BEFORE = """## Whom to tell first

We utilize a short message. Long messages are not read by anybody.

The rise was 9 percent in March.[^1]

[^1]: A source, “words…” (sources/a, characters 1–9)
"""
AFTER = """## Whom to tell first

We use a short message.

The rise was 8 percent in March.[^1]

[^1]: A source, “words…” (sources/a, characters 1–9)
"""


def learned(before: str, after: str, **fields: tuple[str, str]) -> list[Lesson]:
    was, now = ({name: pair[side] for name, pair in fields.items()} for side in (0, 1))
    found = corrections(before, after, was=was, now=now)
    return lessons_of_corrections(found, about="content/x", workflow="publish-content", run="r", created="2026-11-02")


def test_a_choice_of_words_and_what_is_left_out_become_rules_and_a_corrected_figure_does_not() -> None:
    found = learned(BEFORE, AFTER)
    assert [lesson.rule for lesson in found] == [
        "Write “use” instead of “utilize”",
        "Leave out what says “Long messages are not read by anybody”",
    ]
    assert found[0].wording == ("utilize", "use")


def test_another_title_is_a_rule_with_both() -> None:
    found = learned("Text.\n", "Text.\n", title=("An Ultimate Guide to Prices", "Eleven price rises, counted"))
    assert [lesson.rule for lesson in found] == [
        "Put the title like “Eleven price rises, counted” rather than “An Ultimate Guide to Prices”"
    ]


def test_a_sentence_that_was_written_anew_teaches_no_words() -> None:
    assert learned("Prices rise every spring.\n", "Nobody asked the bakers what they think about it.\n") == []


def test_the_same_rule_learned_twice_is_one_with_both_places() -> None:
    one, two = (
        lesson_of_words("Too long. Nobody reads this.", said="s", about=[about], workflow="w", run="r", created="c")
        for about in ("content/a", "content/b")
    )
    (both,) = merged([one, two])
    assert both.rule == "Too long"
    assert both.about == ("content/a", "content/b")
    assert both.path == one.path


def test_the_note_is_in_order_and_keeps_the_words() -> None:
    (lesson,) = [each for each in learned(BEFORE, AFTER) if each.wording]
    document, findings = parse(lesson.path, render(lesson).encode())
    assert findings == []
    assert document is not None
    note = note_of(document)
    assert note is not None
    assert note.kind == "lesson"
    assert document.data["wording"] == {"instead_of": "utilize", "write": "use"}
    assert "> We utilize a short message." in note.body


def test_the_reverse_takes_a_lesson_back_and_another_matter_does_not() -> None:
    (lesson,) = [each for each in learned(BEFORE, AFTER) if each.wording]
    known = [
        Known("memory/lessons/a.md", ("use", "utilize")),
        Known("memory/lessons/b.md", ("utilize", "employ")),
        Known("memory/lessons/c.md", ("leverage", "use")),
        Known(lesson.path, ("utilize", "use")),
    ]
    assert contradicted(lesson, known) == ["memory/lessons/a.md", "memory/lessons/b.md"]
