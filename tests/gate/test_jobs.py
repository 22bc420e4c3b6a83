"""`aios apply` and what belongs to it, whole: as jobs of Actions, each in a new clone with its own token."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from aios.errors import Exit
from tests.gate import jobs
from tests.gate.jobs import ANN, BRANCH, EVE, LEDGER, NOW, Jobs

pytestmark = pytest.mark.peer("actions")  # for what describes GitHub's answers

SURE = (
    "schema: policy.v1\nsummary: Sure.\nrules:\n"
    "  - {name: sure, when: size(effects) > 0, then: confirm, why: it stays}\n"
)


@pytest.fixture(scope="module")
def worked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Jobs]:
    with jobs.opened(tmp_path_factory.mktemp("jobs")) as made:
        yield made


@pytest.fixture(scope="module")
def proposed(worked: Jobs) -> Jobs:
    """The run is proposed as #1, and shown in full."""
    done = worked.propose()
    assert (done.number, done.wrong) == (1, "")
    return worked


@pytest.fixture
def place(proposed: Jobs, tmp_path: Path) -> Iterator[Jobs]:
    with jobs.copied(proposed, tmp_path) as made:
        yield made


@pytest.mark.parametrize("method", ["merge", "squash", "rebase"])
def test_what_an_approver_merged_is_done_once_by_the_job(place: Jobs, method: str) -> None:
    place.hub.merge(1, method, place.hub.token(ANN), delete_branch=method != "merge")
    done = place.apply()
    assert done.code == Exit.OK, done.said
    assert done.outputs == {"approved": "1", "not-approved": "0", "rejected": "0", "carried": "1", "result": "ok"}
    assert "## Approved" in done.summary
    assert "/pull/1) | ann | Publish" in done.summary
    assert place.receipts() == 1
    assert [place.events(kind) for kind in ("proposal.approved", "content.published")] == [1, 1]
    assert place.hub.bare.tip(BRANCH) is None
    (told,) = place.pull.comments
    assert told.body.startswith("**Over: done.**")

    if method == "merge":
        _require_nothing_new_and_few_questions(place)
    if method == "squash":
        _require_that_a_ledger_set_back_is_noticed(place)


def _require_nothing_new_and_few_questions(place: Jobs) -> None:
    """However many were merged over the years."""
    before, said = place.hub.bare.refs(), [each.body for each in place.pull.comments]
    _years_of_merged_proposals(place, 300)
    place.hub.requests.clear()
    done = place.apply()
    assert done.code == Exit.OK, done.said
    assert (done.outputs["approved"], done.outputs["carried"]) == ("0", "0")
    assert "Nothing approved waits to be done." in done.summary
    assert (place.hub.bare.refs(), [each.body for each in place.pull.comments]) == (before, said)
    asked = [each for each in place.hub.requests if "/api/" in each]
    assert len([each for each in asked if each.startswith(f"GET /api/v3/repos/{jobs.REPOSITORY}/pulls ")]) == 1
    assert len(asked) < 5, asked


def _require_that_a_ledger_set_back_is_noticed(place: Jobs) -> None:
    """By a clone that never saw it as it was."""
    place.hub.bare.git("update-ref", "-d", LEDGER)
    before = place.hub.bare.refs()
    done = place.apply()
    assert done.code == Exit.REFUSED
    assert "`aios/ledger` was set back" in done.said
    assert "nothing was sent" in done.said
    assert place.hub.bare.refs() == before


def _years_of_merged_proposals(place: Jobs, count: int) -> None:
    for number in range(count):
        at = NOW - timedelta(days=100 + number)
        old = replace(place.pull, number=1000 + number, branch=f"aios/old/{number}", head=f"{number:040x}")
        old.at = old.updated = old.merged = old.closed = at
        place.hub.pulls[old.number] = old


def test_a_merge_that_waits_is_found_however_many_came_after_it(place: Jobs) -> None:
    place.hub.merge(1, "squash", place.hub.token(EVE), delete_branch=True)
    for _ in range(2):  # what was decided long ago, by what main tells, and much merged since
        done = place.apply()
        assert (done.code, done.outputs["not-approved"]) == (Exit.REFUSED, "1"), done.said
        assert done.summary.startswith("# aios apply\n\n## Merged, and nothing was done")
        assert "eve merged it, and is not among the approvers" in done.said
        assert len([each for each in place.pull.comments if "**Merged, and nothing was done:**" in each.body]) == 1
        _years_of_merged_proposals(place, 300)
        place.pull.updated = NOW - timedelta(days=400)
        decided = "proposal.rejected: old\n\nAios-Event: proposal.rejected\nAios-Run: old/old/old\n"
        place.hub.commit("main", {"memory/x.txt": "x"}, decided, place.hub.token(ANN))
    assert (place.receipts(), place.events("proposal.approved")) == (0, 0)


def test_the_word_that_a_merge_lacked_starts_what_applies_it(place: Jobs) -> None:
    ann = place.hub.token(ANN)
    place.hub.commit("main", {"state/policies/sure.yaml": SURE}, "Ask me twice", ann)
    head = place.pull.head
    place.hub.merge(1, "squash", ann, delete_branch=True)
    done = place.apply()
    assert (done.code, done.outputs["not-approved"]) == (Exit.WAITING, "1"), done.said
    assert f"/aios confirm {head[:10]}" in done.summary
    assert place.receipts() == 0
    place.hub.events.clear()
    place.hub.comment(1, f"/aios confirm {head[:10]}", ann)
    (event,) = place.hub.events
    for _ in range(2):
        heard = place.job("listen", "github", "listen", event=event)
        assert (heard.code, heard.outputs["acted"]) == (Exit.OK, "0"), heard.said
        started = [each.payload["workflow"] for each in place.hub.events if each.name == "workflow_dispatch"]
        assert started == [jobs.APPLY_FILE]
    assert any("is what was merged; what it allows is being done" in each.body for each in place.pull.comments)
    done = place.apply()
    assert (done.code, done.outputs["approved"]) == (Exit.OK, "1"), done.said
    assert place.receipts() == 1


def test_what_a_policy_merges_is_applied_as_long_as_the_policy_says_so(worked: Jobs, tmp_path: Path) -> None:
    with jobs.copied(worked, tmp_path) as place:
        path, ann = "state/policies/rules.yaml", place.hub.token(ANN)
        place.hub.bare.git("update-ref", "-d", f"refs/heads/{BRANCH}")  # where another test proposed it
        place.hub.pulls.clear()
        rules = place.hub.bare.git("show", f"main:{path}") + "\n"
        place.hub.commit("main", {path: rules.replace("then: ask", "then: auto")}, "By itself", ann)
        place.hub.events.clear()
        done = place.propose()
        assert (done.merged, done.wrong) == (place.hub.bare.tip("main"), "")
        assert [each.payload["workflow"] for each in place.hub.events] == [jobs.APPLY_FILE]
        place.hub.commit("main", {path: rules}, "No, ask me", ann)
        refused = place.apply()
        assert "no policy merges" in refused.said
        assert refused.code != Exit.OK
        assert place.receipts() == 0
        place.hub.commit("main", {path: rules.replace("then: ask", "then: auto")}, "By itself all the same", ann)
        applied = place.apply()
        assert applied.code == Exit.OK, applied.said
        assert (place.receipts(), place.events("content.published")) == (1, 1)
