"""Proposals that are closed without a merge, and decisions that come too late."""

from __future__ import annotations

from pathlib import Path

import pytest

from aios.domain.forge import State
from aios.errors import RefusedError
from aios.runs.closing import WITHOUT, adopt_closed, verify_open
from aios.runs.context import Identity
from aios.runs.deciding import deciding
from aios.runs.gate import approve, reject
from tests.gate import house
from tests.gate.house import BRANCH, RUN, House
from tests.gate.hub import git


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> House:
    return house.found(tmp_path_factory.mktemp("closed") / "top")


@pytest.fixture
def home(template: House, tmp_path: Path) -> House:
    made = house.copied(template, tmp_path)
    here = made.context()
    git(made.work, "branch", "-q", BRANCH, f"origin/{BRANCH}")
    here.git.close()
    return made


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ([("ann", "Too close to the March piece.")], "Too close to the March piece."),
        ([("ann", "Hm."), ("ann", "/aios reject not now"), ("ann", "Bye.")], "not now"),
        ([("eve", "I hate it."), ("ann", "/aios explain")], WITHOUT),
        ([], WITHOUT),
    ],
)
def test_an_approver_who_closes_it_rejects_it(home: House, said: list[tuple[str, str]], reason: str) -> None:
    for by, text in said:
        home.hub.comment(7, by, text)
    home.hub.closed(7, by="ann")
    here = home.context()
    with here.git:
        (closed,) = adopt_closed(here)
        assert (closed.rejected, closed.reason, closed.by) == (True, reason, "ann")
        assert adopt_closed(here) == []
    last = git(home.hub.bare, "log", "-1", "--format=%B", "main")
    assert last.startswith("proposal.rejected: ")
    assert "Aios-Actor: operator:github:ann" in last


@pytest.mark.parametrize("by", ["eve", "github-actions[bot]", "ghost", ""])
def test_closed_by_anybody_else_it_still_waits_and_that_is_told(home: House, by: str) -> None:
    home.hub.closed(7, by=by)
    here = home.context()
    with here.git:
        (closed,) = adopt_closed(here)
        assert not closed.rejected
        assert "it still waits" in closed.why
        assert here.git.rev(BRANCH) is not None


def test_what_is_open_again_or_of_an_earlier_head_is_not_rejected(home: House) -> None:
    home.hub.closed(7, by="ann")
    pull = home.hub.pulls[7]
    here = home.context()
    with here.git:
        git(home.work, "switch", "-q", BRANCH)
        git(home.work, "commit", "-q", "--allow-empty", "-m", "more")
        git(home.work, "switch", "-q", "main")
        assert adopt_closed(here) == []
        home.hub.pulls[7] = house.replace(pull, state=State.OPEN)
        assert adopt_closed(here) == []


def test_a_decision_here_comes_too_late_for_what_was_decided_there(home: House) -> None:
    here = home.context()
    with here.git:
        verify_open(here, RUN)
        home.hub.closed(7, by="eve")
        with pytest.raises(RefusedError, match="was closed on the forge"):
            verify_open(here, RUN)
        home.hub.pulls[7] = house.replace(home.hub.pulls[7], state=State.MERGED)
        with pytest.raises(RefusedError, match="was merged on the forge"):
            verify_open(here, RUN)


def test_a_decision_on_the_operators_machine_is_made_on_the_newest_and_told(home: House) -> None:
    told: list[str] = []
    laptop = home.context("laptop", operator=Identity("Me", "me@test.example"))
    with laptop.git:
        with deciding(laptop, RUN, told.append):
            reject(laptop, RUN, reason="not this year")
        assert home.hub.pulls[7].state is State.OPEN  # its body is no proposal of this run's: left alone
    assert git(home.hub.bare, "log", "-1", "--format=%s", "main") == "proposal.rejected: not this year"
    assert git(home.hub.bare, "for-each-ref", f"refs/heads/{BRANCH}") == ""
    assert told == []


def test_offline_it_is_decided_here_and_said_so(home: House) -> None:
    told: list[str] = []
    laptop = home.context("laptop", operator=Identity("Me", "me@test.example"))
    with laptop.git:
        with deciding(laptop, RUN, told.append):
            pass
        home.hub.down = True
        with deciding(laptop, RUN, told.append):
            approve(laptop, RUN)
    assert told == ["Offline (the hub does not answer): decided here; `aios sync` brings it there."]


def test_what_was_closed_there_cannot_be_approved_here(home: House) -> None:
    home.hub.closed(7, by="ann")
    laptop = home.context("laptop", operator=Identity("Me", "me@test.example"))
    with laptop.git, pytest.raises(RefusedError, match="was closed on the forge"), deciding(laptop, RUN, print):
        approve(laptop, RUN)
