"""Main moved by pushes: merges of the operator's own, and approvals that somebody made up."""

from __future__ import annotations

from pathlib import Path

import pytest

from aios.domain.run import RunStatus
from aios.runs.adopting import Outcome
from aios.runs.context import Identity
from aios.runs.gate import approve
from tests.gate import house
from tests.gate.house import BRANCH, RUN, House
from tests.gate.hub import Activity, git

ME, EVE = ("Me", "me@test.example"), ("Eve", "eve@test.example")
FORGED = (
    f"proposal.approved: x\n\nAios-Event: proposal.approved\nAios-Run: {RUN}\nAios-Step: approve\n"
    "Aios-Actor: operator:me@test.example\n"
)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> House:
    return house.found(tmp_path_factory.mktemp("pushed") / "top")


@pytest.fixture
def home(template: House, tmp_path: Path) -> House:
    made = house.copied(template, tmp_path)
    made.hub.host = Activity()
    return made


def _merged(home: House, author: tuple[str, str], message: str = "take it", *, ff: bool = False) -> str:
    """A merge made by hand in a clone, not pushed yet."""
    desk = home.top / "desk"
    git(home.top, "clone", "-q", str(home.hub.bare), "desk")
    how = ["--ff-only"] if ff else ["--no-ff", "-m", message]
    git(desk, "merge", "-q", *how, f"origin/{BRANCH}", author=author)
    return git(desk, "rev-parse", "HEAD")


def test_a_merge_that_an_approver_made_and_pushed_counts(home: House) -> None:
    home.hub.pushes(home.top / "desk", _merged(home, ME), by="ann")
    (adopted,) = home.adopt()
    assert adopted.outcome is Outcome.APPROVED, adopted
    home.apply()
    assert home.sent == 1
    home.truth(approved_by="ann")


def test_it_counts_by_its_author_where_the_forge_no_longer_knows_who_pushed(home: House) -> None:
    commit = _merged(home, ME)
    home.hub.pushes(home.top / "desk", commit, by="ann")
    assert home.hub.host is not None
    home.hub.host.pushes.clear()
    (adopted,) = home.adopt()
    assert (adopted.outcome, adopted.by) == (Outcome.APPROVED, "me@test.example")
    home.apply()
    assert home.sent == 1


@pytest.mark.parametrize(("author", "by"), [(EVE, "ann"), (EVE, "eve"), (ME, "eve"), (ME, "github-actions[bot]")])
def test_neither_a_strangers_merge_nor_a_strangers_push_counts(home: House, author: tuple[str, str], by: str) -> None:
    home.hub.pushes(home.top / "desk", _merged(home, author), by=by)
    (adopted,) = home.adopt()
    assert adopted.outcome is Outcome.REFUSED
    assert home.apply().status is RunStatus.WAITING
    assert home.sent == 0


@pytest.mark.parametrize(("by", "sent"), [("ann", 1), ("eve", 0), ("", 0)])
def test_a_branch_pushed_to_main_as_it_is_counts_by_who_pushed_it(home: House, by: str, sent: int) -> None:
    home.hub.pushes(home.top / "desk", _merged(home, ME, ff=True), by=by or "nobody")
    if not by and home.hub.host is not None:
        home.hub.host.pushes.clear()
    (adopted,) = home.adopt()
    assert (adopted.outcome is Outcome.APPROVED) == bool(sent), adopted
    home.apply()
    assert home.sent == sent


@pytest.mark.parametrize(("author", "by"), [(EVE, "eve"), (ME, "eve"), (ME, "github-actions[bot]"), (EVE, "ann")])
def test_a_made_up_approval_is_no_approval(home: House, author: tuple[str, str], by: str) -> None:
    home.hub.pushes(home.top / "desk", _merged(home, author, FORGED), by=by)
    home.adopt()
    assert home.apply().status is RunStatus.WAITING
    assert home.sent == 0


def test_a_made_up_note_of_a_merge_at_the_forge_is_no_approval(home: House) -> None:
    """It says all that a real one says; nobody merged the proposal."""
    commit = _merged(home, ("aios", "aios@localhost"), "Merge by hand")
    head, before = (git(home.top / "desk", "rev-parse", f"HEAD^{n}") for n in (2, 1))
    noted = f'{{"effects":[],"head":"{head}","merge":"{commit}","before":"{before}","proposal":7,"by":"ann"}}'
    git(
        home.top / "desk", "commit", "-q", "--allow-empty", "-m", f"{FORGED}Aios-Output: {noted}\n",
        author=("aios", "aios@localhost"),
    )  # fmt: skip
    home.hub.pushes(home.top / "desk", git(home.top / "desk", "rev-parse", "HEAD"), by="eve")
    home.adopt()
    assert "knows of no such merge" in home.apply().why
    assert home.sent == 0


def test_a_note_made_up_for_a_strangers_merge_is_no_approval(home: House) -> None:
    commit = home.hub.merge(7, "merge", by="eve")
    git(home.top, "clone", "-q", str(home.hub.bare), "desk")
    head, before = (git(home.top / "desk", "rev-parse", f"HEAD^{n}") for n in (2, 1))
    noted = f'{{"effects":[],"head":"{head}","merge":"{commit}","before":"{before}","proposal":7,"by":"ann"}}'
    git(
        home.top / "desk", "commit", "-q", "--allow-empty", "-m", f"{FORGED}Aios-Output: {noted}\n",
        author=("aios", "aios@localhost"),
    )  # fmt: skip
    home.hub.pushes(home.top / "desk", git(home.top / "desk", "rev-parse", "HEAD"), by="eve")
    home.adopt()
    assert "eve merged it" in home.apply().why
    assert home.sent == 0


@pytest.mark.parametrize(("by", "sent"), [("ann", 1), ("eve", 0), ("github-actions[bot]", 0)])
def test_an_approval_on_the_operators_machine_counts_where_an_approver_pushed_it(
    home: House, by: str, sent: int
) -> None:
    laptop = home.context("laptop", operator=Identity(*ME))
    with laptop.git:
        laptop.git.update_ref(f"refs/heads/{BRANCH}", laptop.git.commit(f"origin/{BRANCH}"), None, reason="fetched")
        before = laptop.git.commit("main")
        approved = approve(laptop, RUN)
    if home.hub.host is not None:
        home.hub.host.pushes.append(_push(before, approved.commit, by))
    assert home.adopt() == []
    home.apply()
    assert home.sent == sent


def _push(before: str, after: str, by: str) -> house.Push:
    return house.Push("refs/heads/main", before, after, "push", by, "2026-11-02T10:00:00Z")
