from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from aios.domain.record import Trust
from aios.memory.notes import Note, lesson, note_of, path_of, render
from aios.store.documents import parse

TEXT = st.text(st.characters(min_codepoint=32, max_codepoint=0x24F, exclude_characters="\x7f"), min_size=1).filter(
    lambda text: bool(text.strip()) and all(char.isprintable() for char in text)
)


@given(TEXT, TEXT, TEXT)
def test_a_note_reads_back_as_it_was_written(title: str, body: str, source: str) -> None:
    note = Note("lesson", title, body, (source,), "watch/site/01", Trust.EXTERNAL, "2026-11-20", "2027-05-01")
    document, findings = parse("memory/lessons/x.md", render(note).encode())
    assert not findings
    assert document is not None
    again = note_of(document)
    assert again is not None
    assert (again.title, again.source, again.trust, again.expires) == (title, (source,), Trust.EXTERNAL, "2027-05-01")
    assert again.body.strip() == body.strip()


def test_a_lesson_has_one_place_however_often_it_is_learned() -> None:
    path, text = lesson(
        "Tables: they help!", "They do.", run="r/s/1", source=["metrics/a"], trust=Trust.DERIVED, created="2026-11-20"
    )
    assert path == "memory/lessons/tables-they-help.md" == path_of("lesson", "Tables — they help")
    assert "source:\n- metrics/a\n" in text
    assert path_of("research", "x") == "memory/research/x.md"


def test_an_unmarked_note_is_external() -> None:
    document, _ = parse("memory/lessons/x.md", b"---\nschema: note.v1\nkind: lesson\ntitle: x\n---\n\nBody.\n")
    assert document is not None
    note = note_of(document)
    assert note is not None
    assert note.trust is Trust.EXTERNAL
