"""The life of a run: gate, approval, effect, what comes later; and every way in which it can be interrupted."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from aios.domain.agent import AgentCall, AgentReply, Tools
from aios.domain.run import RunStatus
from aios.effects.ledger import Ledger
from aios.errors import AiosError, BusyError, RefusedError, TransientError, UsageError
from aios.runs.conductor import Standing, carry_on
from aios.runs.context import Identity
from aios.runs.gate import answer, approve, cancel, reject, revise
from aios.runs.revert import plan_revert, revert
from aios.runs.session import open_session, read_state
from aios.runs.start import start_run
from aios.runs.unsettled import settle_by_operator, unsettled
from tests.kills import boundaries, dies_at
from tests.runs import house


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return house.found(tmp_path_factory.mktemp("template") / "company")


@pytest.fixture
def root(template: Path, tmp_path: Path) -> Path:
    return shutil.copytree(template, tmp_path / "company")


def test_a_run_goes_from_intent_to_receipt_and_on(root: Path) -> None:
    standing = house.drive(root)
    assert standing.status is RunStatus.DONE
    assert len(house.service_of(root).done()) == 1
    log = subprocess.run(
        ["git", "log", "--format=%s", "main"], cwd=root, check=True, capture_output=True, text=True
    ).stdout
    for event in ("run.started", "proposal.approved", "content.published"):
        assert event in log
    assert "status: published" in (root / "state/content/a-fine-topic.md").read_text()
    assert (root / "memory/notes/part-9.md").is_file()
    assert (
        subprocess.run(["git", "status", "--porcelain"], cwd=root, capture_output=True, text=True, check=True).stdout
        == ""
    )
    assert (
        subprocess.run(
            ["git", "for-each-ref", "refs/heads/aios/write-piece"], cwd=root, capture_output=True, check=True
        ).stdout
        == b""
    )


def test_killed_at_any_boundary_and_resumed_it_leaves_the_same_tree_and_one_effect(
    template: Path, tmp_path: Path
) -> None:
    whole = shutil.copytree(template, tmp_path / "whole")
    found = boundaries(whole, house.drive)
    expected = house.tree_of(whole)
    assert len(found) > 25
    for boundary in found:
        root = shutil.copytree(template, tmp_path / f"killed-{boundary}")
        assert dies_at(root, boundary, house.drive), boundary
        standing = house.drive(root)
        assert standing.status is RunStatus.DONE, boundary
        assert house.tree_of(root) == expected, boundary
        assert len(house.service_of(root).done()) == 1, boundary
        shutil.rmtree(root)


def test_a_finished_run_stays_finished(root: Path) -> None:
    house.drive(root)
    tip = subprocess.run(["git", "rev-parse", "main"], cwd=root, capture_output=True, check=True).stdout
    house.drive(root)
    assert subprocess.run(["git", "rev-parse", "main"], cwd=root, capture_output=True, check=True).stdout == tip
    assert len(house.service_of(root).done()) == 1


def test_what_comes_later_waits_for_its_time(root: Path) -> None:
    house.drive(root)
    fresh = root.parent / "fresh"
    here = house.context(root)
    with here.git:
        assert not fresh.exists()
        early = replace(here, clock=lambda: house.START + timedelta(minutes=30))
        standing = carry_on(early, house.start(early))
    assert standing.status is RunStatus.DONE


def _standing_after(root: Path, *, later: timedelta = timedelta(0), **changes: Any) -> Standing:
    here = house.context(root, later=later, **changes)
    with here.git:
        return carry_on(here, house.start(here))


def test_nothing_reaches_the_world_without_the_merge(root: Path) -> None:
    here = house.context(root)
    with here.git:
        run = house.start(here)
        carry_on(here, run, effects=True)
        carry_on(here, run, effects=True)
    assert house.service_of(root).acts() == []
    assert house.tree_of(root) == house.tree_of(root, "HEAD~0")


def test_a_question_waits_and_its_answer_goes_to_the_agent(root: Path) -> None:
    engines = {"scout": house.scout, "scribe": house.asking}
    standing = _standing_after(root, engines=engines)
    assert standing.status is RunStatus.WAITING
    assert standing.question is not None
    assert standing.question["options"] == ["left", "right"]
    here = house.context(root, engines=engines)
    with here.git:
        run = house.start(here)
        with pytest.raises(UsageError, match="none of the options"):
            answer(here, run, text="up")
        assert answer(here, run, text="2") == "write"
        carry_on(here, run)
        text = here.git.read_blob("aios/write-piece/a-fine-topic:state/content/a-fine-topic.md") or b""
    assert b"Guided: right" in text


def test_a_revision_makes_the_piece_anew_and_keeps_the_operators_edits(root: Path) -> None:
    here = house.context(root)
    with here.git:
        run = house.start(here)
        carry_on(here, run)
        git(root, "checkout", "-q", "aios/write-piece/a-fine-topic")
        piece = root / "state/content/a-fine-topic.md"
        piece.write_text(piece.read_text().replace("A piece made by a test.", "My own summary."))
        git(root, "commit", "-qam", "better summary")
        git(root, "checkout", "-q", "main")
        revise(here, run, note="warmer", step="write")
        carry_on(here, run)
        text = (here.git.read_blob("aios/write-piece/a-fine-topic:state/content/a-fine-topic.md") or b"").decode()
    assert "Guided: warmer" in text
    assert "My own summary." in text


def test_an_edit_that_changes_the_effect_must_be_seen_before_it_is_approved(root: Path) -> None:
    here = house.context(root)
    with here.git:
        run = house.start(here)
        carry_on(here, run)
        git(root, "checkout", "-q", "aios/write-piece/a-fine-topic")
        piece = root / "state/content/a-fine-topic.md"
        piece.write_text(piece.read_text() + "\nOne more sentence.\n")
        git(root, "commit", "-qam", "one more")
        git(root, "checkout", "-q", "main")
        with pytest.raises(RefusedError, match="edited since"):
            approve(here, run)
        approve(here, run)
        carry_on(here, run, effects=True)
    assert len(house.service_of(root).done()) == 1


def test_a_rejection_keeps_the_reason_and_closes_the_branch(root: Path) -> None:
    here = house.context(root)
    with here.git:
        run = house.start(here)
        carry_on(here, run)
        reject(here, run, reason="too thin")
        assert carry_on(here, run).status is RunStatus.REJECTED
        assert here.git.rev("aios/write-piece/a-fine-topic") is None
        assert here.git.rev(f"refs/aios/closed/{run.split('/')[2]}") is not None
    record = next((root / "state/runs").rglob("*.yaml")).read_text()
    assert "too thin" in record
    assert not (root / "state/content").exists()


def test_main_that_moved_merges_field_by_field_and_a_true_conflict_becomes_a_question(root: Path) -> None:
    house.drive(root)
    piece = root / "state/content/a-fine-topic.md"
    again = {"kind": "manual", "key": "again", "at": "2026-11-03T09:00:00Z"}
    here = house.context(root, later=timedelta(days=1))
    with here.git:
        run = start_run(here, "write-piece", {"topic": "A fine topic"}, trigger=again)
        carry_on(here, run)
        piece.write_text(piece.read_text().replace("A piece made by a test.", "Changed on main."))
        git(root, "commit", "-qam", "main moves")
        git(root, "checkout", "-q", "aios/write-piece/a-fine-topic")
        piece.write_text(piece.read_text().replace("A piece made by a test.", "Changed in the proposal."))
        git(root, "commit", "-qam", "proposal moves")
        git(root, "checkout", "-q", "main")
        with pytest.raises(RefusedError):
            approve(here, run)  # shows the edit first
        with pytest.raises(RefusedError, match="conflict"):
            approve(here, run)
        assert any(step.question for step in read_state(here.git, run, main="main").steps.values())
        answer(here, run, text="take the proposal's")
        approve(here, run)
    assert "Changed in the proposal." in piece.read_text()


def test_uncommitted_edits_are_never_touched(root: Path) -> None:
    here = house.context(root)
    with here.git:
        run = house.start(here)
        carry_on(here, run)
        (root / "state/content").mkdir()
        (root / "state/content/a-fine-topic.md").write_text("mine\n")
        with pytest.raises(RefusedError, match="a-fine-topic"):
            approve(here, run)
    assert (root / "state/content/a-fine-topic.md").read_text() == "mine\n"


def test_a_transient_failure_is_tried_again_and_others_are_not(root: Path) -> None:
    calls = root.parent / "calls"

    def flaky(call: AgentCall, tools: Tools) -> AgentReply:
        with calls.open("a") as file:
            file.write("x")
        if len(calls.read_text()) < 3 and call.step == "dig":
            raise TransientError("busy")
        return house.scout(call, tools)

    moments = iter(range(10_000))
    here = house.context(root, engines={"scout": flaky, "scribe": house.scribe})
    here = replace(here, clock=lambda: house.START + timedelta(seconds=next(moments)))
    with here.git:
        assert carry_on(here, house.start(here)).step == "approve"

    def broken(call: AgentCall, tools: Tools) -> AgentReply:
        raise AiosError("no such thing")

    other = house.found(root.parent / "other")
    here = house.context(other, engines={"scout": broken})
    with here.git:
        standing = carry_on(here, house.start(here))
        assert standing.status is RunStatus.FAILED
        assert "no such thing" in standing.why
        repaired = replace(here, engines=house.ENGINES)
        assert carry_on(repaired, house.start(here), retry=True).step == "approve"


def test_an_agent_that_hangs_is_stopped_by_its_timeout(tmp_path: Path) -> None:
    root = house.found(tmp_path / "company", workflow=house.WORKFLOW.replace("timeout: 30s", "timeout: 1s"))

    def hanging(call: AgentCall, tools: Tools) -> AgentReply:
        if call.step == "dig":
            signal.pause()
        return house.scout(call, tools)

    standing = _standing_after(root, engines={"scout": hanging, "scribe": house.scribe})
    assert standing.status is RunStatus.FAILED
    assert "timeout" in standing.why


@pytest.mark.parametrize(
    "path", ["state/company.yaml", "../outside", ".github/workflows/x.yml", "state/content/../x.md"]
)
def test_an_agent_cannot_write_where_its_contract_does_not_reach(root: Path, path: str) -> None:
    def rogue(call: AgentCall, tools: Tools) -> AgentReply:
        return AgentReply({"record": "x", "parts": []}, {path: "gotcha"})

    standing = _standing_after(root, engines={"scout": rogue})
    assert standing.status is RunStatus.FAILED
    assert not (root.parent / "outside").exists()


def test_two_runners_on_one_run_one_wins_and_the_other_says_so(root: Path) -> None:
    here = house.context(root)
    with here.git:
        run = house.start(here)
        with open_session(here, run), pytest.raises(BusyError, match="worked on by"):
            carry_on(here, run)
        assert carry_on(here, run).step == "approve"


def test_a_run_on_a_subject_that_waits_is_refused_and_the_same_trigger_is_the_same_run(root: Path) -> None:
    here = house.context(root)
    with here.git:
        run = house.start(here)
        assert house.start(here) == run
        with pytest.raises(RefusedError, match="open already"):
            start_run(here, "write-piece", {"topic": "A fine topic"}, trigger={"kind": "manual", "key": "other"})


def test_the_switch_stops_every_effect_and_nothing_is_lost(root: Path) -> None:
    here = house.context(root, paused=lambda _: "tests say so")
    with here.git:
        run = house.start(here)
        carry_on(here, run)
        approve(here, run)
        standing = carry_on(here, run, effects=True)
        assert "tests say so" in standing.why
        assert house.service_of(root).acts() == []
        carry_on(replace(here, paused=lambda _: ""), run, effects=True)
    assert len(house.service_of(root).done()) == 1


def test_a_pause_of_one_connector_stops_its_effects_before_they_are_claimed(root: Path) -> None:
    asked: list[str] = []

    def paused(connector: str) -> str:
        asked.append(connector)
        return f"{connector} is paused" if connector == "site" else ""

    here = house.context(root, paused=paused)
    with here.git:
        run = house.start(here)
        carry_on(here, run)
        approve(here, run)
        standing = carry_on(here, run, effects=True)
        assert "site is paused" in standing.why
        assert Ledger(here.git).unsettled() == []
        assert house.service_of(root).acts() == []
    assert set(asked) == {"site"}


def test_only_an_approver_approves(root: Path) -> None:
    here = house.context(root, operator=Identity("Eve", "eve@test.example"))
    with here.git:
        run = house.start(here)
        carry_on(here, run)
        with pytest.raises(RefusedError, match="approvers"):
            approve(here, run)


def test_a_merge_by_somebody_else_allows_no_effect(root: Path) -> None:
    here = house.context(root)
    with here.git:
        run = house.start(here)
        carry_on(here, run)
        message = f"proposal.approved: x\n\nAios-Event: proposal.approved\nAios-Run: {run}\nAios-Step: approve\n"
        git(
            root,
            "-c",
            "user.email=eve@test.example",
            "merge",
            "-q",
            "--no-ff",
            "-m",
            message,
            "aios/write-piece/a-fine-topic",
        )
        standing = carry_on(here, run, effects=True)
    assert "not among the company's approvers" in standing.why
    assert house.service_of(root).acts() == []


def test_an_effect_that_nobody_knows_of_becomes_a_question(root: Path) -> None:
    service = replace(house.service_of(root), remembers=False)

    def dies_after_act(name: str) -> None:
        if name == "after act":
            os._exit(9)

    pid = os.fork()
    if pid == 0:
        try:
            here = house.context(root, service=service, checkpoint=dies_after_act)
            run = house.start(here)
            carry_on(here, run)
            approve(here, run)
            carry_on(here, run, effects=True)
        finally:
            os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 9
    here = house.context(root, service=service)
    with here.git:
        standing = carry_on(here, house.start(here), effects=True)
        assert standing.question is not None
        assert len(service.done()) == 1
        key = unsettled(here)[0].key
        settle_by_operator(here, key, happened=True, url="https://test.example/a-fine-topic/")
        assert carry_on(here, house.start(here), effects=True).until
    assert len(service.done()) == 1


def test_a_run_is_undone_with_a_receipt_of_its_own(root: Path) -> None:
    house.drive(root)
    here = house.context(root, later=timedelta(hours=3))
    with here.git:
        run = house.start(here)
        assert [undo.compensation is not None for undo in plan_revert(here, run)] == [True]
        revert(here, run, reason="wrong")
        with pytest.raises(RefusedError, match="undone already"):
            revert(here, run, reason="wrong")
    assert [act["capability"] for act in house.service_of(root).done()] == ["cms.publish", "cms.unpublish"]
    assert "status: retired" in (root / "state/content/a-fine-topic.md").read_text()


def test_a_cancelled_run_is_over_and_its_subject_free(root: Path) -> None:
    here = house.context(root)
    with here.git:
        run = house.start(here)
        carry_on(here, run)
        cancel(here, run, reason="not now")
        assert carry_on(here, run).status is RunStatus.CANCELLED
        again = start_run(here, "write-piece", {"topic": "A fine topic"}, trigger={"kind": "manual", "key": "again"})
    assert again != run


def git(root: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", "-c", "user.name=Me", "-c", "user.email=me@test.example", *arguments],
        cwd=root,
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout
