"""A policy asks for a word on exactly the commit that is merged."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from aios.errors import RefusedError
from aios.runs.adopting import Outcome
from aios.runs.context import Identity
from aios.runs.gate import approve
from tests.gate import house
from tests.gate.house import BRANCH, RUN, House
from tests.gate.hub import git
from tests.gate.test_adopting import NOTE

RULES = "  - {name: sure, when: size(effects) > 0, then: confirm, why: it cannot be taken back}\n"


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> House:
    return house.found(tmp_path_factory.mktemp("words") / "top", rules=RULES)


@pytest.fixture
def home(template: House, tmp_path: Path) -> House:
    return house.copied(template, tmp_path)


def _head(home: House) -> str:
    return git(home.hub.bare, "rev-parse", "refs/pull/7/head")


@pytest.mark.parametrize("method", ["merge", "squash"])
def test_the_word_may_come_before_the_merge_or_after_it(home: House, method: str) -> None:
    home.hub.merge(7, method, delete=True)
    (adopted,) = home.adopt()
    assert adopted.outcome is Outcome.UNCONFIRMED
    assert f"/aios confirm {_head(home)[:10]}" in adopted.hint
    home.apply()
    assert home.sent == 0
    home.hub.comment(7, "ann", f"Yes.\n\n/aios confirm {_head(home)[:7]}\n")
    (adopted,) = home.adopt()
    assert adopted.outcome is Outcome.APPROVED, adopted
    home.apply()
    assert home.sent == 1
    home.truth(approved_by="github:ann")


def test_a_word_before_the_merge(home: House) -> None:
    home.hub.comment(7, "ann", f"/aios confirm {_head(home)}")
    home.hub.merge(7, "squash")
    (adopted,) = home.adopt()
    assert adopted.outcome is Outcome.APPROVED


WRONG: dict[str, Callable[[House], None]] = {
    "another commit": lambda home: home.hub.comment(7, "ann", "/aios confirm 0123456789"),
    "too short": lambda home: home.hub.comment(7, "ann", f"/aios confirm {_head(home)[:6]}"),
    "a stranger": lambda home: home.hub.comment(7, "eve", f"/aios confirm {_head(home)}"),
    "a bot": lambda home: home.hub.comment(7, "github-actions[bot]", f"/aios confirm {_head(home)}"),
    "edited": lambda home: home.hub.comment(7, "ann", f"/aios confirm {_head(home)}", edited="2026-11-02T09:40:00Z"),
    "ours": lambda home: home.hub.comment(7, "ann", f"/aios confirm {_head(home)}\n\n<!-- aios:status -->"),
    "in a listing": lambda home: home.hub.comment(7, "ann", f"```\n/aios confirm {_head(home)}\n```"),
    "quoted": lambda home: home.hub.comment(7, "ann", f"> /aios confirm {_head(home)}"),
    "nothing": lambda _: None,
}


def test_no_other_word_counts(home: House) -> None:
    home.hub.merge(7, "merge")
    for wrong, say in WRONG.items():
        home.hub.said.pop(7, None)
        say(home)
        (adopted,) = home.adopt()
        assert adopted.outcome is Outcome.UNCONFIRMED, wrong
    home.apply()
    assert (home.sent, home.approvals()) == (0, 0)


def test_a_word_on_the_head_before_an_edit_does_not_count_for_the_edited_one(home: House) -> None:
    home.hub.comment(7, "ann", f"/aios confirm {_head(home)}")
    home.hub.edit(BRANCH, "memory/notes/part-1.md", NOTE)
    home.hub.merge(7, "squash")
    (adopted,) = home.adopt()
    assert adopted.outcome is Outcome.UNCONFIRMED
    home.hub.comment(7, "ann", f"/aios confirm {_head(home)}")
    (adopted,) = home.adopt()
    assert adopted.outcome is Outcome.APPROVED


@pytest.mark.parametrize("method", ["squash", "rebase"])
def test_the_word_may_be_given_on_the_operators_machine(home: House, method: str) -> None:
    home.hub.merge(7, method, delete=True)
    here = home.context("laptop", operator=Identity("Me", "me@test.example"))
    (adopted,) = home.adopt(here)
    assert adopted.outcome is Outcome.UNCONFIRMED
    with here.git:
        with pytest.raises(RefusedError, match="asks for a word"):
            approve(here, RUN)
        approve(here, RUN, word="a-fine-topic")
    assert home.adopt(here) == []
    home.apply(here)
    assert home.sent == 1
    home.truth(approved_by="me@test.example", place="laptop")


def test_a_word_that_is_taken_back_later_stops_what_is_not_sent_yet(home: House) -> None:
    home.hub.comment(7, "ann", f"/aios confirm {_head(home)}")
    home.hub.merge(7, "merge")
    (adopted,) = home.adopt()
    assert adopted.outcome is Outcome.APPROVED
    home.hub.said[7] = []
    assert "asks for a word" in home.apply().why
    assert home.sent == 0
