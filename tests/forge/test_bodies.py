"""Bodies: within the bound, ours known again, a person's words never written over."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aios.forge.github.bodies import BOUND, again, cut, read, written
from tests.forge.places import OnHub, draft, on_hub

BRANCH = "aios/publish/hello"
HIDDEN = "<!-- aios:run-1 f1n6er -->"


@given(st.text(max_size=200), st.text(max_size=40))
def test_what_we_wrote_is_read_back_as_ours(text: str, title: str) -> None:
    found = read(written(text, title), title)
    assert (found.stamped, found.edited, found.retitled, found.above) == (True, False, False, "")


@given(st.text(max_size=200), st.text(max_size=200), st.text(max_size=200))
def test_each_body_after_a_persons_keeps_their_words_and_stays_the_same(theirs: str, one: str, two: str) -> None:
    first = again(read(theirs, "t"), one, "t")
    second = again(read(first, "t"), two, "t")
    assert again(read(second, "t"), two, "t") == second
    kept = theirs.replace("\r\n", "\n").replace("\r", "\n").strip()
    assert "<!--" in kept or kept in second


def test_line_ends_that_the_sites_editor_changed_are_no_edit() -> None:
    body = written("One.\n\nTwo.\n", "t")
    assert not read(body.replace("\n", "\r\n"), "t").edited


def test_a_long_body_is_cut_and_keeps_what_is_hidden_at_its_end() -> None:
    body = written("Line.\n" * 20_000 + HIDDEN, "t")
    assert len(body) <= BOUND
    assert HIDDEN in body
    assert "cut here" in body
    assert not read(body, "t").edited


def test_a_cut_within_a_fence_closes_it() -> None:
    body = cut("# Title\n\n```text\n" + "x\n" * 40_000 + "```\n", BOUND)
    assert body.count("\n```") == 2


def test_a_long_text_of_a_persons_leaves_room_for_ours() -> None:
    body = again(read("Theirs.\n" * 10_000, "t"), "Ours.", "t")
    assert len(body) <= BOUND
    assert "Theirs." in body
    assert read(body, "t").ours == "Ours."


def _edited(place: OnHub, number: int, change: Callable[[str], str]) -> None:
    with place.hub.lock:
        place.hub.pull(number).body = change(place.hub.pull(number).body)


@pytest.mark.parametrize(
    "change",
    [
        lambda body: f"Please wait for Paula.\n\n{body}",
        lambda body: body.replace("# Publish hello", "# Publish hello on Monday"),
        lambda _: "I rewrote all of this.",
        lambda body: body.replace("\n", "\r\n").replace("# Publish", "# Do not publish"),
    ],
)
def test_what_a_person_wrote_into_the_body_stays_and_ours_goes_below_it(
    tmp_path: Path, change: Callable[[str], str]
) -> None:
    with on_hub(tmp_path) as place:
        place.push(BRANCH, {"state/content/hello.md": "Hello.\n"})
        number = place.forge.open(draft()).number
        _edited(place, number, change)
        theirs = place.hub.pull(number).body.split("\n<!--")[0].replace("\r", "").strip()
        first = place.forge.refresh(number, draft(body=f"# As it stands now\n\n{HIDDEN}"))
        second = place.forge.refresh(number, draft(body=f"# And now\n\n{HIDDEN}"))
        shown = place.hub.pull(number).body
        assert theirs in first.body
        assert shown.index(theirs) < shown.index("was edited by hand and is kept") < shown.index("# And now")
        assert "# As it stands now" not in second.body
        assert shown.count(HIDDEN) == 1
        before = second.updated
        assert place.forge.refresh(number, draft(body=f"# And now\n\n{HIDDEN}")).updated == before


def test_a_title_that_a_person_wrote_stays(tmp_path: Path) -> None:
    with on_hub(tmp_path) as place:
        place.push(BRANCH, {"state/content/hello.md": "Hello.\n"})
        number = place.forge.open(draft()).number
        with place.hub.lock:
            place.hub.pull(number).title = "Say hello, but on Monday"
        for title in ("Publish hello", "Publish hello, twice", "Publish hello, thrice"):
            assert place.forge.refresh(number, draft(title=title)).title == "Say hello, but on Monday"


def test_a_pull_request_that_a_person_opened_keeps_their_text(tmp_path: Path) -> None:
    with on_hub(tmp_path) as place:
        place.push(BRANCH, {"state/content/hello.md": "Hello.\n"})
        by = place.hub.token(place.hub.owner)
        with place.hub.lock:
            place.hub.open("Mine", "I opened this.", BRANCH, "main", by)
        found = place.forge.open(draft())
        assert found.title == "Mine"
        assert found.body.startswith("I opened this.")
        assert "# Publish hello" in found.body
