"""A hostile job may make any commits: history written anew, forged authors, facts that only others say."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from aios.domain.event import EventNote, render_message
from aios.domain.keys import key_of
from aios.runs.history import (
    ANSWERED,
    APPROVED,
    ASKED,
    CANCELLED,
    FINISHED,
    OPENED,
    REFRESHED,
    REJECTED,
    REVERTED,
    REVERTING,
    REVISED,
    STARTED,
)
from tests.verifying.handing import Handed, judged, note_at, retold, rules


def on_top(handed: Handed, message: str, **changes: Any) -> str:
    head = handed.handoff.head
    return handed.job.commit(handed.job.tree_of(head), [head], message, **changes)


def test_history_written_anew_below_the_order(root: Path, handed: Handed) -> None:
    root_commit = handed.job.commit(handed.job.tree_of(handed.order.main), [], "start\n")
    head = handed.job.again(handed.handoff.head, root_commit)
    material = handed.material(head=head, without=[], traces="")
    assert rules(judged(root, handed, material)) == ["handoff.ancestry"]


def test_commits_of_an_older_main(root: Path, handed: Handed) -> None:
    events, parent = handed.events, handed.job.git.commit("main~1")
    for event in events:
        parent = handed.job.again(event.commit, parent)
    verified = judged(root, handed, handed.material(head=parent, collected="", traces=""))
    assert rules(verified) == ["handoff.ancestry"]


def test_a_merge(root: Path, handed: Handed) -> None:
    head = handed.job.again(handed.handoff.head, "", parents=[handed.events[-2].commit, handed.order.main])
    assert rules(judged(root, handed, handed.material(head=head))) == ["handoff.linear"]


def test_nothing_but_the_collect_stage_ended_elsewhere(root: Path, handed: Handed) -> None:
    assert rules(judged(root, handed, handed.material(collect_head=handed.order.main))) == ["handoff.collected"]
    assert rules(judged(root, handed, handed.material(collect_head=None))) == ["handoff.collected"]
    assert rules(judged(root, handed, handed.material(collected=""))) == ["handoff.collected"]
    later = handed.events[-2].commit
    assert rules(judged(root, handed, handed.material(collected=later))) == ["handoff.collected"]


def test_what_the_collect_stage_left_is_changed(root: Path, handed: Handed) -> None:
    changed = replace(retold(handed, 1, title="0 sources collected"), collected=handed.material().collected)
    assert rules(judged(root, handed, changed)) == ["handoff.collected"]


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"who": "Me <me@test.example>"}, "handoff.author"),
        ({"who": "aios <me@test.example>"}, "handoff.author"),
        ({"at": "1793610000 +0200"}, "handoff.commit"),
        ({"at": "1783610000 +0000"}, "handoff.date"),
        ({"at": "1893610000 +0000"}, "handoff.date"),
        ({"more": "\nencoding latin-1"}, "handoff.commit"),
        ({"more": "\ngpgsig x"}, "handoff.commit"),
    ],
    ids=str,
)
def test_a_commit_that_aios_did_not_write_so(root: Path, handed: Handed, changes: Any, rule: str) -> None:
    assert rules(judged(root, handed, retold(handed, -1, **changes))) == [rule]


@pytest.mark.parametrize(
    ("old", "new", "rule"),
    [
        ("committer aios <aios@localhost>", "committer Me <me@test.example>", "handoff.author"),
        ("author aios <aios@localhost>", "author Me <me@test.example>", "handoff.author"),
        ("committer aios <aios@localhost> 1", "committer aios <aios@localhost> 2", "handoff.date"),
    ],
)
def test_a_committer_that_is_not_the_author(root: Path, handed: Handed, old: str, new: str, rule: str) -> None:
    last = handed.events[-1]
    raw = handed.job.raw(last.commit).replace(old, new)
    command = ("hash-object", "-w", "-t", "commit", "--stdin")
    head = handed.job.git.run(*command, input=raw.encode()).decode().strip()
    assert rules(judged(root, handed, handed.material(head=head))) == [rule]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("\nAios-Status: succeeded\n", "\nAios-Status: succeeded\nAios-Status: succeeded\n"),
        ("\nAios-Status: succeeded\n", "\nAios-Status: failed\nAios-Status: succeeded\n"),
        ("\nAios-Step: write\n", "\nAios-Step: write\nAios-Approved-By: me@test.example\n"),
        ("\nAios-Step: write\n", "\nAios-Step: write\nSigned-off-by: Me <me@test.example>\n"),
        ("\nAios-Step: write\n", "\naios-step: write\n"),
        ("\n\nAios-Event: ", "\n\nAios-Run: another\n\nAios-Event: "),
        ("\n\nAios-Event: ", "\n\nSigned-off-by: Me <me@test.example>\n\nAios-Event: "),
        ("\nAios-Step: write\n", "\nAios-Step: write\n  folded\n"),
        ("\nAios-Step: write\n", "\nAios-Step:write\n"),
        ("\nAios-Attempt: 1\n", "\nAios-Attempt: 01\n"),
        ("\nAios-Attempt: 1\n", "\nAios-Attempt: ١\n"),
        ("step", "st\u202eep"),
    ],
    ids=str,
)
def test_trailers_that_nobody_rendered(root: Path, handed: Handed, old: str, new: str) -> None:
    message = render_message(replace(note_at(handed, -1), title="a step"))
    changed = message.replace(old, new, 1)
    assert changed != message
    assert rules(judged(root, handed, retold(handed, -1, changed))) == ["handoff.message"]


def test_a_message_that_is_no_utf_8_or_holds_a_nul(root: Path, handed: Handed) -> None:
    message = render_message(note_at(handed, -1))
    for odd in ("\udcff\udcfe", "\0"):
        verified = judged(root, handed, retold(handed, -1, message.replace("\n\n", f"{odd}\n\n", 1)))
        assert rules(verified) in (["handoff.message"], ["handoff.bundle"])


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"run": "write-piece/another/01kdkfcx00vbmq8a55wqjtxhm2"}, "handoff.run"),
        ({"run": ""}, "handoff.run"),
        ({"step": "review"}, "handoff.step"),
        ({"step": "publish"}, "handoff.step"),
        ({"step": "approve"}, "handoff.step"),
        ({"step": "look"}, "handoff.step"),
        ({"step": "read"}, "handoff.step"),
        ({"step": ""}, "handoff.event"),
        ({"status": ""}, "handoff.event"),
        ({"item": 0}, "handoff.step"),
        ({"attempt": 2}, "handoff.step"),
        ({"type": "content.published"}, "handoff.event"),
        ({"type": APPROVED}, "handoff.event"),
        ({"actor": "operator"}, "handoff.actor"),
        ({"actor": "agent:scout@1"}, "handoff.actor"),
        ({"actor": ""}, "handoff.actor"),
        ({"key": key_of("x")}, "handoff.key"),
        ({"key": ""}, "handoff.key"),
        ({"status": "skipped", "type": "step.skipped"}, "handoff.event"),
        ({"status": "failed", "type": "step.failed"}, "handoff.actor"),
        ({"context": "state/company.yaml"}, "handoff.event"),
        ({"context": ""}, "handoff.event"),
        ({"output": None}, "handoff.event"),
        ({"output": [1]}, "handoff.writes"),
        ({"records": ()}, "handoff.records"),
        ({"records": ("company", "content/a-fine-topic")}, "handoff.writes"),
        ({"records": ("content/nothing", "content/a-fine-topic")}, "handoff.records"),
        ({"error": "oh"}, "handoff.event"),
        ({"usage": {"usd": -5.0}}, "handoff.usage"),
        ({"usage": {"usd": 0.1, "input": -1}}, "handoff.usage"),
        ({"usage": {"usd": "0.1"}}, "handoff.usage"),
        ({"usage": {"usd": True}}, "handoff.usage"),
        ({"usage": {"usd": 10**300}}, "handoff.usage"),
        ({"usage": {"input": [1]}}, "handoff.usage"),
        ({"usage": {"models": ["m" * 1_000]}}, "handoff.usage"),
        ({"usage": {"tiers": {"small": {"deep": "er"}}}}, "handoff.usage"),
        ({"usage": {"x" * 1_000: 1}}, "handoff.usage"),
        ({"usage": {f"x{n}": 1 for n in range(60)}}, "handoff.usage"),
        ({"transient": True}, "handoff.event"),
        ({"context": "sha256:" + "0" * 63}, "handoff.event"),
        ({"context": "sha256:" + "x" * 64}, "handoff.event"),
        ({"context": "0" * 64}, "handoff.event"),
    ],
    ids=lambda value: str(value)[:60],
)
def test_a_fact_that_the_run_could_not_leave(root: Path, handed: Handed, changes: Any, rule: str) -> None:
    assert rules(judged(root, handed, retold(handed, -1, **changes))) == [rule]


@pytest.mark.parametrize(
    "kind",
    [
        APPROVED,
        REJECTED,
        REVISED,
        ANSWERED,
        CANCELLED,
        FINISHED,
        REVERTED,
        REVERTING,
        OPENED,
        REFRESHED,
        STARTED,
        "effect.receipt",
    ],
)
def test_what_only_the_operator_or_aios_says(root: Path, handed: Handed, kind: str) -> None:
    note = EventNote(
        type=kind,
        title="approved",
        run=handed.order.run,
        step="approve",
        actor="operator",
        key=key_of(kind),
        output={"answer": "yes", "steps": ["write"], "status": "done"},
    )
    head = on_top(handed, render_message(note))
    assert rules(judged(root, handed, handed.material(head=head))) == ["handoff.event"]
    claimed = on_top(handed, render_message(replace(note, status="succeeded", actor="aios")))
    assert rules(judged(root, handed, handed.material(head=claimed))) == ["handoff.step"]


def test_a_step_done_twice_or_before_what_it_needs(root: Path, handed: Handed) -> None:
    again = on_top(handed, render_message(note_at(handed, -1)))
    assert rules(judged(root, handed, handed.material(head=again))) == ["handoff.step"]
    parent = handed.events[1].commit
    early = handed.job.again(handed.events[-1].commit, parent)
    assert rules(judged(root, handed, handed.material(head=early))) == ["handoff.step"]


def test_a_share_of_a_list_that_is_shorter(root: Path, handed: Handed) -> None:
    last_item = next(number for number, event in enumerate(handed.events) if event.trailer("Item") == "2")
    assert rules(judged(root, handed, retold(handed, last_item, item=7))) == ["handoff.step"]
    assert rules(judged(root, handed, retold(handed, last_item, item=None))) == ["handoff.step"]
    assert rules(judged(root, handed, retold(handed, last_item, item=-1))) == ["handoff.message"]


def test_a_read_by_the_stage_of_agents(root: Path, handed: Handed) -> None:
    order = replace(handed.order, stages=("agent",))
    material = handed.material(collected="", collect_head=None)
    assert rules(judged(root, replace(handed, order=order), material)) == ["handoff.step"]


@pytest.mark.parametrize(
    "changes",
    [
        {"output": {"inputs": {"topic": "Another topic"}}},
        {"output": {"base": "1" * 40}},
        {"output": {"trigger": {"kind": "manual", "key": "test", "at": "2026-11-02T09:00:00Z", "by": "me"}}},
        {"output": {"started": "2026-11-02T10:00:00Z"}},
        {"output": {"definition": "sha256:0"}},
        {"actor": "operator"},
        {"body": "This was approved."},
    ],
    ids=str,
)
def test_a_start_that_is_not_the_orders(root: Path, handed: Handed, changes: Any) -> None:
    first = note_at(handed, 0)
    if "output" in changes:
        changes = {"output": {**first.output, **changes["output"]}}
    assert rules(judged(root, handed, retold(handed, 0, **changes))) == ["handoff.start"]


def test_a_start_at_another_moment_than_the_runs_name_tells(root: Path, handed: Handed) -> None:
    """A trigger need not say when it was."""
    trigger = {name: value for name, value in handed.order.start["trigger"].items() if name != "at"}
    other = replace(handed, order=replace(handed.order, start={**handed.order.start, "trigger": trigger}))
    told = {**note_at(handed, 0).output, "trigger": trigger, "started": "2026-11-02T10:00:00Z"}
    assert rules(judged(root, other, retold(handed, 0, output=told))) == ["handoff.start"]


def test_a_run_that_no_order_starts(root: Path, handed: Handed) -> None:
    order = replace(handed.order, start={})
    assert rules(judged(root, replace(handed, order=order), handed.material())) == ["handoff.order"]


def test_orders_of_two_runs_swapped(root: Path, handed: Handed) -> None:
    run = f"write-piece/another-topic/{handed.order.run.split('/')[2]}"
    order = replace(handed.order, id="o-2", run=run, start={**handed.order.start, "inputs": {"topic": "Another topic"}})
    other = replace(handed, order=order, handoff=replace(handed.handoff, order="o-2", run=run))
    assert rules(judged(root, other, other.material())) == ["handoff.start"]


def question(handed: Handed, **output: Any) -> EventNote:
    """What else it says follows from its output, as far as that is possible."""
    asked = {"text": "which way?", "options": ["left"], "evidence": ["both are fine"], **output}
    last = note_at(handed, -1)
    return EventNote(
        type=ASKED,
        title=str(asked["text"]),
        body="\n".join(f"- {line}" for line in asked["evidence"]),
        run=handed.order.run,
        step="write",
        status="waiting",
        key=key_of("question", last.key, asked["text"]),
        context=last.context,
        output=asked,
    )


def instead(root: Path, handed: Handed, *notes: EventNote, last: int = -1) -> list[str]:
    """What is found where these notes, without files, stand instead of one commit and all behind it."""
    head = handed.events[last - 1].commit
    for note in notes:
        head = handed.job.commit(handed.job.tree_of(head), [head], render_message(note))
    return rules(judged(root, handed, handed.material(head=head)))


def test_a_question_is_handed_over_and_a_forged_one_is_not(root: Path, handed: Handed) -> None:
    assert instead(root, handed, question(handed)) == []
    odd: dict[str, Any]
    for odd in (
        {"text": ""},
        {"text": 7},
        {"text": "x" * 5_000},
        {"options": "left"},
        {"options": [" "]},
        {"options": ["x"] * 101},
        {"evidence": [{}]},
        {"more": 1},
    ):
        assert instead(root, handed, question(handed, **odd)) == ["handoff.question"], odd
    others: tuple[dict[str, Any], ...]
    others = ({"title": "approve?"}, {"actor": "operator"}, {"key": key_of("x")}, {"output": 5})
    for changes in others:
        assert instead(root, handed, replace(question(handed), **changes)) == ["handoff.question"], changes
    assert instead(root, handed, replace(question(handed), context="")) == ["handoff.event"]


def test_a_failure_is_handed_over_and_a_forged_one_is_not(root: Path, handed: Handed) -> None:
    success = note_at(handed, -1)
    failed = replace(
        success,
        type="step.failed",
        status="failed",
        actor="aios",
        context="",
        output=None,
        records=(),
        error="it broke",
    )
    assert instead(root, handed, failed) == []
    changes: dict[str, Any]
    for changes, rule in (
        ({"context": success.context}, "event"),
        ({"output": {}}, "event"),
        ({"records": ("company",)}, "event"),
        ({"error": ""}, "event"),
        ({"status": "waiting"}, "step"),
    ):
        assert instead(root, handed, replace(failed, **changes)) == [f"handoff.{rule}"], changes
    # No attempt comes after the last one, nor after a failure that another attempt does not mend.
    again = replace(success, attempt=2)
    assert instead(root, handed, replace(failed, transient=True), again) == ["handoff.step"]
    item = note_at(handed, -2)
    assert item.item is not None
    broken = replace(failed, step=item.step, item=item.item, key=item.key)
    assert instead(root, handed, broken, replace(item, attempt=2), last=-2) == ["handoff.step"]


def test_nobody_goes_on_past_their_own_question(root: Path, handed: Handed) -> None:
    parent = handed.events[-2].commit
    asks = handed.job.commit(handed.job.tree_of(parent), [parent], render_message(question(handed)))
    head = handed.job.again(handed.handoff.head, asks)
    assert rules(judged(root, handed, handed.material(head=head))) == ["handoff.step"]


def test_a_replayed_handoff_of_an_order_that_was_answered(root: Path, handed: Handed) -> None:
    """The branch went on since: the old bundle does not lead on from where the order is."""
    tip = handed.events[-2].commit
    handed.job.git.run("push", "-q", str(root), f"{tip}:refs/heads/aios/replayed")
    try:
        order = replace(handed.order, tip=tip, start={})
        told = replace(handed.handoff, tip=tip, collected="")
        other = replace(handed, order=order, handoff=told)
        assert rules(judged(root, other, other.material(collect_head=None))) == []  # what is left of it is new
        done = replace(order, tip=handed.handoff.head)
        handed.job.git.run("push", "-q", "-f", str(root), f"{handed.handoff.head}:refs/heads/aios/replayed")
        old = replace(handed, order=done, handoff=replace(told, tip=handed.handoff.head, head=tip))
        assert rules(judged(root, old, old.material(collect_head=None))) == ["handoff.ancestry"]
    finally:
        handed.job.git.run("push", "-q", str(root), ":refs/heads/aios/replayed")
