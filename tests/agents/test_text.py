"""The text toolkit: offsets are exact, and what makes a quotation look foolish is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aios.agents.offline.text.blocks import BlockKind, blocks
from aios.agents.offline.text.headings import clean, is_generic, sentence_case, spelling
from aios.agents.offline.text.language import language
from aios.agents.offline.text.passages import passages
from aios.agents.offline.text.quality import dangles, fault
from aios.agents.offline.text.readability import reading_ease
from aios.agents.offline.text.sentences import sentences
from aios.agents.offline.text.similarity import jaccard, shingles
from aios.agents.offline.text.words import stems

EN = language("en")
MARKDOWN = st.text(alphabet=st.sampled_from("ab CD.,:;!?`*_#>-1\n[]()“”äß "), max_size=400)


def texts(body: str) -> list[str]:
    return [body[passage.start : passage.end] for passage in passages(body, EN)]


def test_sentences_end_at_stops_but_not_at_abbreviations_or_inside_code() -> None:
    text = "Use a queue, e.g. a list. Call `a.b. C` first. It costs 3.5 euros! Dr. Smith agrees?"
    found = [text[start:end] for start, end in sentences(text)]
    assert found == ["Use a queue, e.g. a list.", "Call `a.b. C` first.", "It costs 3.5 euros!", "Dr. Smith agrees?"]


@given(MARKDOWN)
def test_sentences_are_slices_in_order_that_leave_nothing_but_blanks_between(text: str) -> None:
    places = sentences(text)
    rest = text
    for start, end in reversed(places):
        assert text[start:end].strip() == text[start:end] != ""
        rest = rest[:start] + rest[end:]
    assert rest.strip() == ""
    assert places == sorted(places)


@given(MARKDOWN)
def test_blocks_never_overlap_and_keep_their_order(body: str) -> None:
    end = 0
    for block in blocks(body):
        assert end <= block.start <= block.end <= len(body)
        end = block.end


@given(MARKDOWN)
def test_passages_are_slices_made_of_whole_sentences_and_blocks(body: str) -> None:
    for passage in passages(body, EN):
        ends = [passage.start]
        for span in passage.spans:
            assert ends[-1] <= span.start < span.end <= len(body)
            ends.append(span.end)
        assert body[passage.start : passage.end].strip()


def test_blocks_know_the_headings_above_them() -> None:
    body = "# One\n\ntext\n\n## Two\n\n- a\n- b\n\n```python\nx = 1\n```\n\n# Three\n\n> said\n"
    found = [(block.kind, block.trail) for block in blocks(body)]
    assert found == [
        (BlockKind.HEADING, ()),
        (BlockKind.PARAGRAPH, ("One",)),
        (BlockKind.HEADING, ("One",)),
        (BlockKind.LIST, ("One", "Two")),
        (BlockKind.CODE, ("One", "Two")),
        (BlockKind.HEADING, ()),
        (BlockKind.QUOTE, ("Three",)),
    ]


@pytest.mark.parametrize(
    ("sentence", "rule"),
    [
        ("The client sends one request at a time.", ""),
        ("urllib3 can automatically retry idempotent requests.", ""),
        ("A price eight points above the base rate is allowed.", ""),
        ("Call :ref:`setup` before the first request.", "leftover-markup"),
        ("The {class}`Runner` starts the command for you.", "leftover-markup"),
        ("It is described by [the guide](guide.md) in full.", "leftover-markup"),
        ("The package |version| is the newest of all.", "leftover-markup"),
        ("Read `a fork <https://example.com>`_ for the reasons.", "leftover-markup"),
        ("Copyright 2024 by the Example authors of the book.", "boilerplate"),
        ("New in version 2.1 is the second argument here.", "version-note"),
        ("See the next chapter for all of the details.", "points-elsewhere"),
        ("As shown above, the client waits for two seconds.", "points-elsewhere"),
        ("The following example sends one request to a server.", "points-elsewhere"),
        ("In this tutorial you learn about requests and more.", "points-elsewhere"),
        ("Returns the number of requests that were sent.", "fragment"),
        ("requests and their answers", "fragment"),
        ("The client (which is old sends a request.", "unbalanced"),
        ("The client understands these words:", "announces"),
        ("Congratulations, your client works as it should!", "chatter"),
        ("Last week I sent the first of the requests.", "first-person"),
    ],
)
def test_a_sentence_is_refused_for_a_reason_with_a_name(sentence: str, rule: str) -> None:
    assert fault(sentence) == rule


def test_the_operator_may_say_i_and_a_colon_may_announce_what_is_quoted_with_it() -> None:
    assert fault("Last week I sent the first of the requests.", own=True) == ""
    assert fault("Here is an example of such a request:", introduces=True) == ""


@pytest.mark.parametrize(
    ("sentence", "leans"),
    [
        ("This makes it faster.", True),
        ("However, the client waits.", True),
        ("It returns a number.", True),
        ("You can also wait longer.", True),
        ("For more control, pass a number.", True),
        ("It is possible to wait longer.", False),
        ("The first reminder goes out after three days.", False),
        ("A client sends requests.", False),
    ],
)
def test_a_beginning_that_leans_on_something_unsaid_is_noticed(sentence: str, leans: bool) -> None:
    assert dangles(sentence, EN) is leans


def test_a_leaning_sentence_is_quoted_only_with_the_one_before_it() -> None:
    good = "A queue keeps the requests in their order until a worker takes them."
    assert texts(f"# T\n\n{good} This keeps the workers busy.\n") == [f"{good} This keeps the workers busy."]
    assert texts(f"# T\n\n{good}\n\nThis keeps the workers of the queue busy all day.\n") == [
        f"{good}\n\nThis keeps the workers of the queue busy all day."
    ]
    assert texts("# T\n\nSee the guide for all of that.\n\nThis keeps the workers of the queue busy all day.\n") == []


def test_an_announcement_is_quoted_with_its_listing_or_not_at_all() -> None:
    lead = "A worker takes one request from the queue at a time and answers it:"
    code = "```python\nrequest = queue.get()\nanswer(request)\n```"
    assert texts(f"{lead}\n\n{code}\n") == [f"{lead}\n\n{code}"]
    assert texts(f"{lead}\n\nSee the guide.\n") == []
    long = "```\n" + "line of code\n" * 60 + "```"
    assert texts(f"{lead}\n\n{long}\n") == []


def test_a_gap_is_never_quoted_over() -> None:
    first = "A queue keeps the requests in their order until a worker takes one of them."
    last = "A second worker doubles the number of requests that are answered in an hour, at twice the price."
    assert texts(f"{first} See the guide for that. {last}") == [last]


def test_headings_are_cleaned_and_put_in_sentence_case_without_losing_names() -> None:
    assert clean("2.1 Using `click` with [Flask](x.md):") == "Using `click` with Flask"
    assert is_generic("Basic Example")
    assert not is_generic("Retrying requests")
    spellings = spelling(["We like Flask and the HTTP client. A client of Flask waits."])
    assert sentence_case("Using The HTTP Client Of Flask", spellings) == "Using the HTTP client of Flask"


def test_near_duplicates_share_shingles() -> None:
    one = shingles("The client waits two seconds before it sends the request again.", EN)
    two = shingles("The client waits two seconds before it sends this request again.", EN)
    three = shingles("A starter is a mixture of flour and water.", EN)
    assert jaccard(one, two) > 0.6
    assert jaccard(one, three) == 0


def test_plain_words_read_easier_than_long_ones() -> None:
    easy = reading_ease(["The cat sat on the mat.", "It was warm."], EN)
    hard = reading_ease(
        ["Organizational interdependencies necessitate comprehensive administrative harmonization."], EN
    )
    assert easy > 90
    assert hard < 20


def test_german_has_its_own_stems_and_an_unknown_language_none() -> None:
    assert stems("Die Rechnungen und die Rechnung", language("de-AT")) == ["rechnung", "rechnung"]
    assert stems("la factura", language("es")) == ["la", "factura"]
    assert dangles("Dies ist so.", language("de"))
