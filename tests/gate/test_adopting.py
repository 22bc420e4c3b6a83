"""The operator merges in the browser; what follows, and what does not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from aios.domain.run import RunStatus
from aios.errors import TransientError
from aios.runs.adopting import Outcome
from aios.runs.applying import take_in
from aios.runs.conductor import carry_on
from aios.runs.context import Identity
from aios.runs.gate import approve
from aios.runs.inbox import items
from aios.store.documents import parse
from aios.store.log import read_events
from tests.gate import house
from tests.gate.house import BRANCH, PIECE, RUN, House
from tests.gate.hub import git

METHODS = ("merge", "squash", "rebase")


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> House:
    return house.found(tmp_path_factory.mktemp("gate") / "top")


@pytest.fixture
def home(template: House, tmp_path: Path) -> House:
    return house.copied(template, tmp_path)


@pytest.mark.parametrize("method", METHODS)
def test_a_merge_by_an_approver_is_approved_and_sent_once(home: House, method: str) -> None:
    home.hub.merge(7, method, delete=method == "squash")
    adopted = home.adopt()
    assert [(each.run, each.outcome, each.by) for each in adopted] == [(RUN, Outcome.APPROVED, "ann")], adopted
    assert home.apply().until
    assert home.sent == 1
    assert home.adopt() == []
    assert home.approvals() == 1
    assert git(home.hub.bare, "for-each-ref", f"refs/heads/{BRANCH}") == ""
    home.truth(approved_by="github:ann")
    # Another machine, which saw nothing of all this, tells the same and sends nothing.
    other = home.context("other")
    assert home.adopt(other) == []
    assert home.apply(other).until
    assert home.sent == 1
    home.truth(approved_by="github:ann", place="other")


def test_a_squash_that_nobody_approved_is_told_on_a_machine_that_never_had_the_branch(home: House) -> None:
    home.hub.merge(7, "squash", by="eve", delete=True)
    other = home.context("other")
    with other.git:
        assert other.git.rev(BRANCH) is None
        (item,) = items(other, [RUN])
    assert (item.run, item.kind, item.command) == (RUN, "failed", "aios apply")
    assert item.why == "it was merged as one commit, and that merge is not approved"


@pytest.mark.parametrize("method", METHODS)
def test_an_edit_that_changes_nothing_that_is_sent_is_approved_with_the_merge(home: House, method: str) -> None:
    home.hub.edit(BRANCH, "memory/notes/part-1.md", NOTE)
    home.hub.merge(7, method)
    (adopted,) = home.adopt()
    assert adopted.outcome is Outcome.APPROVED, adopted
    home.apply()
    assert home.sent == 1
    home.truth(approved_by="github:ann")
    share = _record(home)["operator"]
    assert share["files"] == ["memory/notes/part-1.md"]
    assert share["characters"] > 0


@pytest.mark.parametrize("method", METHODS)
def test_an_edit_of_what_is_sent_is_shown_anew_and_nothing_is_sent(home: House, method: str) -> None:
    home.hub.edit(BRANCH, PIECE, home.piece(lambda text: text + "\nA line that nobody was shown.\n"))
    home.hub.merge(7, method, delete=True)
    for _ in range(2):
        (adopted,) = home.adopt()
        assert (adopted.outcome, adopted.why) == (Outcome.SHOWN, "it was edited after it was shown"), adopted
        home.apply()
    assert home.sent == 0
    assert _record(home)["status"] == "waiting"
    # The new proposal is of the new record and nothing else; another machine can go on with it.
    number = home.propose()
    assert number == 8
    assert [path for path in home.hub.files(8) if not path.startswith("state/runs/")] == []
    home.hub.merge(8, "merge" if method == "merge" else "squash", delete=True)
    other = home.context("other")
    (adopted,) = home.adopt(other)
    assert (adopted.outcome, adopted.number) == (Outcome.APPROVED, 8), adopted
    home.apply(other)
    assert home.sent == 1
    assert home.adopt(other) == []
    home.truth(approved_by="github:ann", place="other")


@pytest.mark.parametrize("method", ["squash", "rebase"])
def test_main_may_move_in_other_records_before_and_after_the_merge(home: House, method: str) -> None:
    home.hub.edit("main", "memory/notes/own.md", NOTE)
    home.hub.merge(7, method)
    home.hub.edit("main", "memory/notes/own-2.md", NOTE)
    (adopted,) = home.adopt()
    assert adopted.outcome is Outcome.APPROVED, adopted
    home.apply()
    assert home.sent == 1
    home.truth(approved_by="github:ann")


@pytest.mark.parametrize("method", ["squash", "rebase"])
def test_a_piece_that_changed_on_main_since_is_shown_anew(home: House, method: str) -> None:
    home.hub.merge(7, method)
    text = git(home.hub.bare, "show", f"main:{PIECE}")
    home.hub.edit("main", PIECE, text + "\n\nAnother line.\n")
    (adopted,) = home.adopt()
    assert (adopted.outcome, adopted.why) == (Outcome.SHOWN, "main was changed since"), adopted
    home.apply()
    assert home.sent == 0
    home.propose()
    home.hub.merge(8, "squash")
    (adopted,) = home.adopt()
    assert adopted.outcome is Outcome.APPROVED
    home.apply()
    assert home.sent == 1
    home.truth(approved_by="github:ann")


@pytest.mark.parametrize(("by", "method"), [("eve", "merge"), ("github-actions[bot]", "rebase"), ("", "squash")])
def test_who_is_no_approver_approves_nothing(home: House, by: str, method: str) -> None:
    home.hub.merge(7, method, by=by or "nobody")
    home.hub.merges[7] = replace(home.hub.merges[7], by=by)
    for _ in range(2):
        (adopted,) = home.adopt()
        assert adopted.outcome is Outcome.REFUSED
        assert "not among the approvers" in adopted.why
        assert home.apply().status is RunStatus.WAITING
    assert home.sent == 0
    assert home.approvals() == 0
    assert _record(home)["status"] == "waiting"
    # An approver may still say yes to it, with a word of their own.
    here = home.context(operator=Identity("Me", "me@test.example"))
    with here.git:
        approve(here, RUN)
    home.apply()
    assert home.sent == 1
    home.truth(approved_by="me@test.example")


def test_a_bot_is_nobody_even_where_it_is_called_an_approver(home: House) -> None:
    _approvers(home, "github:github-actions[bot]")
    home.hub.merge(7, "merge", by="github-actions[bot]")
    (adopted,) = home.adopt()
    assert adopted.outcome is Outcome.REFUSED
    assert "github-actions[bot] merged it" in adopted.why


@pytest.mark.parametrize("method", ["squash"])
def test_who_is_made_an_approver_by_the_proposal_itself_approves_nothing(home: House, method: str) -> None:
    company = git(home.hub.bare, "show", "main:state/company.yaml").replace("github:ann", "github:eve")
    home.hub.edit(BRANCH, "state/company.yaml", company + "\n", by="eve")
    home.hub.merge(7, method, by="eve")
    (adopted,) = home.adopt()
    assert "eve merged it, and is not among the approvers" in adopted.why
    home.apply()
    assert home.sent == 0


def test_a_denial_that_came_after_the_proposal_holds(home: House) -> None:
    rule = (
        "schema: policy.v1\nsummary: No.\nrules:\n  - {name: no, when: size(effects) > 0, then: deny, why: not now}\n"
    )
    home.hub.edit("main", "state/policies/no.yaml", rule)
    home.hub.merge(7, "squash")
    (adopted,) = home.adopt()
    assert (adopted.outcome, "not now" in adopted.why) == (Outcome.REFUSED, True), adopted
    home.apply()
    assert home.sent == 0


@pytest.mark.parametrize("method", ["squash"])
def test_a_run_record_that_was_edited_by_hand_counts_for_nothing(home: House, method: str) -> None:
    path = next(path for path in home.hub.files(7) if path.startswith("state/runs/"))
    text = git(home.hub.bare, "show", f"{BRANCH}:{path}")
    home.hub.edit(BRANCH, path, text.replace("decision: ask", "decision: auto") + "\n")
    home.hub.merge(7, method)
    (adopted,) = home.adopt()
    assert (adopted.outcome, adopted.why) == (Outcome.SHOWN, "its run record was edited by hand"), adopted
    home.apply()
    assert home.sent == 0


def test_what_was_merged_before_it_was_shown_whole_is_shown_first(home: House) -> None:
    home.hub.told.clear()
    home.hub.merge(7, "merge")
    (adopted,) = home.adopt()
    assert (adopted.outcome, adopted.why) == (Outcome.SHOWN, "it was merged before it was shown in full")
    home.apply()
    assert home.sent == 0


@pytest.mark.parametrize("by", ["ann", "github-actions[bot]"])
def test_a_squash_whose_message_ends_in_our_trailers_is_no_event_of_ours(home: House, by: str) -> None:
    last = git(home.hub.bare, "log", "-1", "--format=%B", BRANCH)
    home.hub.merge(7, "squash", message=last)
    home.hub.merges[7] = replace(home.hub.merges[7], by="ann")
    squashed = git(home.hub.bare, "rev-parse", "main")
    here = home.context()
    with here.git:
        assert [event.type for event in read_events(here.git, until=squashed)][-1] != "proposal.opened"
        assert not list(read_events(here.git, until=squashed, run=RUN))
    (adopted,) = home.adopt()
    assert adopted.outcome is Outcome.APPROVED
    home.apply()
    assert home.sent == 1
    home.truth(approved_by="github:ann")


def test_nothing_is_sent_while_the_forge_does_not_answer(home: House) -> None:
    home.hub.merge(7, "squash")
    home.hub.down = True
    with pytest.raises(TransientError):
        home.adopt()
    home.hub.down = False
    (adopted,) = home.adopt()
    assert adopted.outcome is Outcome.APPROVED
    home.hub.down = True
    assert "does not answer" in home.apply().why
    assert home.sent == 0
    home.hub.down = False
    home.apply()
    assert home.sent == 1


@pytest.mark.parametrize(("before", "method"), [(True, "squash"), (False, "merge")])
def test_the_default_branch_may_be_renamed_before_the_merge_or_after_it(home: House, before: bool, method: str) -> None:
    here = home.context()
    if not before:
        home.hub.merge(7, method, delete=True)
    home.hub.rename("trunk")
    if before:
        home.hub.merge(7, method, delete=True)
    with here.git:
        taken = take_in(here)
        assert (taken.main, taken.stuck) == ("trunk", ())
        assert [each.outcome for each in taken.adopted] == [Outcome.APPROVED], taken.adopted
        here = replace(here, main="trunk")
        carry_on(here, RUN, effects=True)
        assert take_in(here).adopted == ()
    assert home.sent == 1
    assert git(home.hub.bare, "for-each-ref", "--format=%(refname)", "refs/heads/main", f"refs/heads/{BRANCH}") == ""
    assert git(home.hub.bare, "log", "--format=%s", "trunk").count("proposal.approved: ") == 1


def _approvers(home: House, more: str) -> None:
    text = git(home.hub.bare, "show", "main:state/company.yaml")
    home.hub.edit("main", "state/company.yaml", text.replace("[me@", f'["{more}", me@') + "\n")


def _record(home: House) -> dict[str, Any]:
    path = next(each for each in git(home.work, "ls-files", "state/runs").splitlines())
    document, _ = parse(path, git(home.work, "show", f"main:{path}").encode())
    assert document is not None
    return dict(document.data)


NOTE = """---
schema: note.v1
kind: note
title: Mine
trust: operator
created: 2026-11-02T09:20:00Z
---

A note by hand.
"""
