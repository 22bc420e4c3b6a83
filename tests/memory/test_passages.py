from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from aios.memory.passages import LONGEST_WORD, WORDS, passages

MARKDOWN = st.lists(
    st.sampled_from(
        [
            "# One",
            "## Two",
            "Setext",
            "===",
            "---",
            "",
            "a b c.",
            "word " * 70,
            "```",
            "~~~",
            "- item",
            "[^1]: note",
            "> q",
        ]
    )
    | st.text(max_size=60),
    max_size=30,
).map("\n".join)


@given(MARKDOWN)
def test_a_passage_is_an_exact_slice_of_the_body_and_none_overlaps(body: str) -> None:
    end = 0
    for part in passages(body):
        assert body[part.start : part.end] == part.text
        assert part.start >= end
        assert part.text == part.text.strip()
        assert part.line == body.count("\n", 0, part.start) + 1
        end = part.end


@given(MARKDOWN)
def test_no_passage_is_longer_than_its_limit(body: str) -> None:
    assert all(len(part.text.split()) <= WORDS for part in passages(body))


def test_paragraphs_under_one_heading_are_packed_and_headings_kept_beside_them() -> None:
    body = "Lead.\n\n# Prices\n\nFirst.\n\nSecond.\n\n## Tiers ##\n\nThird.\n\n# Other\n\nFourth."
    assert [(part.heading, part.text) for part in passages(body)] == [
        ("", "Lead."),
        ("Prices", "First.\n\nSecond."),
        ("Prices › Tiers", "Third."),
        ("Other", "Fourth."),
    ]


def test_an_underlined_line_is_a_heading_and_a_hash_in_a_code_block_is_not() -> None:
    body = "Prices\n======\n\nText.\n\n```\n# no heading\n```\n"
    assert [(part.heading, part.text) for part in passages(body)] == [("Prices", "Text.\n\n```\n# no heading\n```")]


def test_a_long_paragraph_is_cut_between_sentences() -> None:
    sentence = "This one has exactly eight words in it. "
    parts = passages(sentence * 40)
    assert len(parts) == 3
    assert all(part.text.endswith("it.") for part in parts)


def test_a_wall_of_characters_is_cut_too() -> None:
    assert all(len(part.text) <= LONGEST_WORD * WORDS for part in passages("x" * 1_000_000))


def test_footnote_definitions_are_no_passages() -> None:
    assert [part.text for part in passages("Text.[^1]\n\n[^1]: Title, “quoted” (sources/a, characters 1–2)")] == [
        "Text.[^1]"
    ]


def test_a_body_of_headings_only_is_still_found_by_its_words() -> None:
    assert [part.text for part in passages("# One\n\n## Two\n")] == ["# One\n\n## Two"]


def test_each_turn_of_a_conversation_is_a_passage_with_its_speaker() -> None:
    body = "**Ines:** Does it print?\n\n**Tom Li** (2026-03-02): Yes.\n\nIn landscape.\n\nInes: Good.\n"
    assert [(part.speaker, part.text) for part in passages(body)] == [
        ("Ines", "**Ines:** Does it print?"),
        ("Tom Li", "**Tom Li** (2026-03-02): Yes.\n\nIn landscape."),
        ("Ines", "Ines: Good."),
    ]


def test_prose_with_a_colon_in_it_is_no_conversation() -> None:
    body = "Note: prices rise.\n\nWe wait until spring.\n\nThen we tell everybody."
    assert [part.speaker for part in passages(body)] == [""]


def test_a_thematic_break_ends_a_passage_and_is_in_none() -> None:
    assert [part.text for part in passages("One.\n\n* * *\n\nTwo.\n\n***\n\nThree.")] == ["One.", "Two.", "Three."]
