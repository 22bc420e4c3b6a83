"""One proposal is merged by an approver; what rides along in its branch is not approved by that."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from aios.domain.forge import Draft
from aios.domain.names import STATUS
from tests.gate import house
from tests.gate.house import BRANCH, RUN, House
from tests.gate.hub import Activity, email_of, git

ME = ("Me", "me@test.example")
OURS = ("aios", "aios@localhost")
OTHER, OTHER_RUN = "aios/refresh/another-thing", "refresh/another-thing/01kekc3p00aaaaaaaaaaaaaaaa"
APPROVED = (
    f"proposal.approved: x\n\nAios-Event: proposal.approved\nAios-Run: {RUN}\nAios-Step: approve\n"
    "Aios-Actor: operator:me@test.example\n"
)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> House:
    made = house.found(tmp_path_factory.mktemp("smuggled") / "top")
    text = git(made.hub.bare, "show", "main:state/company.yaml")
    assert "github:ann" in text
    named = text.replace('"github:ann"', f'"github:ann", {email_of("ann")}')
    made.hub.edit("main", "state/company.yaml", named + "\n")
    return made


@pytest.fixture
def home(template: House, tmp_path: Path) -> House:
    made = house.copied(template, tmp_path)
    made.hub.host = Activity()
    return made


def _other(home: House, *, rides: bool, approved: bool = False, name: str = OTHER, says: str = OTHER_RUN) -> int:
    """Another proposal, whose branch somebody brought RUN's into, or what looks like its approval."""
    desk = home.top / "eve"
    git(home.top, "clone", "-q", str(home.hub.bare), "eve")
    git(desk, "checkout", "-q", "-b", "other", "origin/main")
    (desk / "notes.md").write_text("# Harmless\n")
    git(desk, "add", "-A")
    git(desk, "commit", "-q", "-m", "a note")
    if rides:
        git(desk, "merge", "-q", "--no-ff", "-m", "more", f"origin/{BRANCH}", author=OURS)
    if approved:
        (desk / "more.md").write_text("# More\n")
        git(desk, "add", "-A")
        git(desk, "commit", "-q", "-m", APPROVED, author=ME)
    told = f"step.succeeded: y\n\nAios-Event: step.succeeded\nAios-Run: {says}\nAios-Step: y\n"
    git(desk, "commit", "-q", "--allow-empty", "-m", told, author=OURS)
    git(desk, "push", "-q", "origin", f"HEAD:refs/heads/{name}")
    head = git(desk, "rev-parse", "HEAD")
    home.hub.status(head, STATUS, "success", "no effect")
    return home.hub.open(Draft(name, "main", "Harmless", f"<!-- aios:{OTHER_RUN} x -->")).number


@pytest.mark.parametrize("method", ["merge", "squash", "rebase"])
def test_a_run_in_the_branch_of_another_proposal_is_not_approved_with_that(home: House, method: str) -> None:
    home.hub.merge(_other(home, rides=True), method, by="ann")
    home.adopt()
    home.apply()
    assert home.sent == 0


@pytest.mark.parametrize("method", ["merge", "squash", "rebase"])
def test_a_branch_that_says_it_is_of_another_run_is_not_approved_as_that(home: House, method: str) -> None:
    home.hub.merge(_other(home, rides=True, says=RUN), method, by="ann")
    home.adopt()
    home.apply()
    assert home.sent == 0


@pytest.mark.parametrize("method", ["merge", "rebase"])
def test_an_approval_made_up_in_the_branch_of_another_proposal_is_none(home: House, method: str) -> None:
    home.hub.merge(_other(home, rides=True, approved=True), method, by="ann")
    home.adopt()
    home.apply()
    assert home.sent == 0


def test_an_approval_made_up_for_a_run_that_was_refused_is_none(home: House) -> None:
    home.hub.merge(7, "merge", by="eve")
    home.adopt()
    home.hub.merge(_other(home, rides=False, approved=True), "merge", by="ann")
    home.adopt()
    home.apply()
    assert home.sent == 0


def test_a_made_up_approval_is_not_forgotten_below_many_pushes(home: House) -> None:
    home.hub.merge(7, "merge", by="eve")
    desk = home.top / "eve"
    git(home.top, "clone", "-q", str(home.hub.bare), "eve")
    git(desk, "commit", "-q", "--allow-empty", "-m", APPROVED, author=ME)
    for _ in range(120):
        git(desk, "commit", "-q", "--allow-empty", "-m", "noise", author=ME)
    for commit in git(desk, "rev-list", "--reverse", "origin/main..HEAD").splitlines():
        home.hub.pushes(desk, commit, by="eve")
    home.adopt()
    home.apply()
    assert home.sent == 0


def test_a_note_that_names_an_unrelated_push_of_an_approver_is_no_approval(home: House) -> None:
    """What the run would send lies on main already, brought by nobody who may; then an approver pushes something."""
    head = git(home.hub.bare, "rev-parse", BRANCH)
    desk = home.top / "eve"
    git(home.top, "clone", "-q", str(home.hub.bare), "eve")
    git(desk, "merge", "-q", "--no-ff", "-m", "all of it", f"origin/{BRANCH}", author=OURS)
    before = git(desk, "rev-parse", "HEAD")
    home.hub.pushes(desk, before, by="eve")
    (desk / "notes.md").write_text("# Mine\n")
    git(desk, "add", "-A")
    git(desk, "commit", "-q", "-m", "a note of the operator's", author=ME)
    commit = git(desk, "rev-parse", "HEAD")
    home.hub.pushes(desk, commit, by="ann")
    key = json.loads(git(desk, "log", "-1", "--format=%(trailers:key=Aios-Output,valueonly)", head))["effects"]
    noted = {"effects": key, "head": head, "merge": commit, "before": before, "method": "merge", "by": "ann"}
    note = f"{APPROVED}Aios-Output: {json.dumps(noted)}\n"
    git(desk, "commit", "-q", "--allow-empty", "-m", note, author=OURS)
    home.hub.pushes(desk, git(desk, "rev-parse", "HEAD"), by="eve")
    home.adopt()
    home.apply()
    assert home.sent == 0
