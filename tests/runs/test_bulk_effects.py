"""A mail to many, from the proposal to what the record tells: one approval, held where it must be, and never lost."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from aios.domain.run import RunStatus
from aios.effects.ledger import Ledger
from aios.errors import CredentialsError, RefusedError, TransientError
from aios.proposals.record import effects_of
from aios.proposals.review import render
from aios.runs.conductor import carry_on
from aios.runs.context import Context, Progress
from aios.runs.effects import run_record
from aios.runs.inbox import items
from aios.runs.revert import plan_revert
from aios.runs.reviewing import review_of
from aios.runs.session import read_state
from aios.runs.start import start_run
from aios.runs.tick import held_back, timers
from aios.runs.unsettled import called, settle_by_operator, unsettled
from tests.effects.post import Post
from tests.kills import boundaries, dies_at
from tests.runs import house, office

NIGHT = timedelta(hours=12)  # nine in the evening


def inbox(here: Context, run: str, *, later: timedelta = timedelta(0)) -> tuple[str, str, str]:
    item = items(replace(here, clock=lambda: house.START + later), [run])[0]
    return item.kind, item.why, item.command


def test_one_approval_sends_to_all_and_the_record_counts(tmp_path: Path) -> None:
    here = office.founded(tmp_path / "co", to=30)
    run = office.approved(here)
    record = run_record(here, read_state(here.git, run, main="main"))
    assert len(effects_of(record)) == 1
    assert str(record).count("Hello") == 2  # the message once in the payload and once in the preview, not thirty times
    assert office.apply(here, run).status is RunStatus.DONE
    assert sorted(office.post_of(here).sent().values()) == [1] * 30
    step = office.step_of(here.git, run)
    assert (step["status"], step["output"]["parts"], step["output"]["done"]) == ("succeeded", 30, 30)
    message = (here.git.read_blob("main:state/messages/letter-0.md") or b"").decode()
    assert "status: sent" in message
    assert f"receipt: {effects_of(record)[0].key}" in message


def test_the_proposal_says_what_cannot_be_undone_and_stays_readable_for_many(tmp_path: Path) -> None:
    here = office.founded(tmp_path / "co", to=400)
    run = start_run(here, "write-piece", {"topic": "A fine topic"}, trigger=house.TRIGGER)
    carry_on(here, run)
    text = render(review_of(here, run))
    assert [line for line in text.splitlines() if line.startswith("**Cannot be undone: ") and "400" in line]
    assert text.count("@x.example") < 20
    assert len(text.splitlines()) < 120


def test_killed_at_every_boundary_the_run_ends_the_same_and_nobody_gets_two(tmp_path: Path) -> None:
    def drive(root: Path, checkpoint: Callable[[str], None] = lambda _: None) -> None:
        here = replace(
            office.founded(root, to=2) if not (root / ".git").exists() else there(root), checkpoint=checkpoint
        )
        with here.git:
            run = office.approved(here) if not (root / ".approved").exists() else (root / ".approved").read_text()
            (root / ".approved").write_text(run)
            office.apply(here, run)

    def there(root: Path) -> Context:
        post = Post(root.parent / f"{root.name}-sent", knows=True)
        here = house.context(root)
        return replace(here, connectors=lambda _: {"post": post, "site": house.service_of(root)})

    template = tmp_path / "template"
    approved = office.approved(office.founded(template, to=2))
    (template / ".approved").write_text(approved)
    found = boundaries(shutil.copytree(template, tmp_path / "whole"), drive)
    assert len(found) > 10
    trees = set()
    for boundary in found:
        root = shutil.copytree(template, tmp_path / f"co-{boundary}")
        assert dies_at(root, boundary, drive), boundary
        here = there(root)
        with here.git:
            assert office.apply(here, approved).status is RunStatus.DONE
            assert sorted(office.post_of(here).sent().values()) == [1, 1]
            assert Ledger(here.git).unsettled() == []
            trees.add(house.tree_of(root))
    assert len(trees) == 1


def test_a_cap_ends_the_sitting_and_the_rest_goes_on_with_the_next(tmp_path: Path) -> None:
    here = office.founded(tmp_path / "co", to=7, limits="limits: {acts: {per_apply: 2, per_day: 5}}\n")
    run, post = office.approved(here), office.post_of(here)
    standing = office.apply(here, run)
    assert standing.why.startswith("2 of 7 done; post does at most 2 acts at a time")
    assert held_back(items(here, [run]), here.now()) == [run]  # the next tick goes on
    for expected in (4, 5):
        standing = office.apply(here, run)
        assert len(post.people()) == expected
    assert "at most 5 acts a day, and 5 were done today" in standing.why
    assert standing.until == "2026-11-03T00:00:00Z"
    assert inbox(here, run)[0] == "timer"
    assert (held_back(items(here, [run]), here.now()), timers(items(here, [run]), here.now())) == ([], [])
    assert office.apply(here, run, later=timedelta(days=1)).status is RunStatus.DONE
    assert sorted(post.sent().values()) == [1] * 7


def test_a_policy_at_apply_holds_until_its_time_and_loses_nothing(tmp_path: Path) -> None:
    here = office.founded(tmp_path / "co")
    run, post = office.approved(here), office.post_of(here)
    standing = office.apply(here, run, later=NIGHT)
    assert (standing.status, standing.until, post.tried) == (RunStatus.WAITING, "2026-11-03T08:00:00Z", [])
    assert "nobody writes at night (rule rules/night)" in standing.why
    kind, why, command = inbox(here, run, later=NIGHT)
    assert (kind, command) == ("timer", "aios apply")
    assert "until 2026-11-03T08:00:00Z" in why
    ledger = here.git.text("rev-parse", "aios/ledger")
    office.apply(here, run, later=NIGHT)
    assert here.git.text("rev-parse", "aios/ledger") == ledger  # told once, not with every try
    assert office.apply(here, run, later=timedelta(days=1)).status is RunStatus.DONE
    assert len(post.people()) == 4


def test_a_policy_that_came_after_the_approval_counts(tmp_path: Path) -> None:
    here = office.founded(tmp_path / "co")
    run = office.approved(here)
    rule = "  - {name: few, when: recipients > 3, then: deny, why: too many}\n"
    (tmp_path / "co/state/policies/rules.yaml").write_text(office.RULES + rule)
    office.commit(tmp_path / "co", "a stricter rule")
    standing = office.apply(here, run)
    assert ("too many (rule rules/few)" in standing.why, standing.until, office.post_of(here).tried) == (True, "", [])


def test_a_list_that_reaches_into_the_night_stops_there(tmp_path: Path) -> None:
    here = office.founded(tmp_path / "co", to=5)
    run, post = office.approved(here), office.post_of(here)
    now = [house.START]

    def later(to: str) -> None:
        now[0] = house.START + (NIGHT if to.startswith("p0-1@") else timedelta(0))

    post.each = later
    standing = carry_on(replace(here, clock=lambda: now[0]), run, effects=True)
    assert (len(post.people()), standing.until) == (2, "2026-11-03T08:00:00Z")


def test_who_is_suppressed_when_it_goes_out_is_withheld_without_asking_anew(tmp_path: Path) -> None:
    here = office.founded(tmp_path / "co", to=3)
    run = office.approved(here)
    (tmp_path / "co/state/suppressions").mkdir()
    for name, reason in (("p0-0", "unsubscribed"), ("p0-1", "bounced")):
        text = f"schema: suppression.v1\nemail: {name.upper()}@x.example\nreason: {reason}\nsince: 2026-11-01\n"
        (tmp_path / f"co/state/suppressions/{name}.yaml").write_text(text)
    office.commit(tmp_path / "co", "they want no mail")
    assert office.apply(here, run).status is RunStatus.DONE
    assert office.post_of(here).people() == ["p0-0@x.example", "p0-2@x.example"]  # no list: an answer may still go out
    output = office.step_of(here.git, run)["output"]
    assert (output["withheld"], output["withheld_first"]) == (1, [{"target": "p0-1@x.example", "why": "bounced"}])


def test_a_suppression_that_cannot_be_read_holds_all_mail(tmp_path: Path) -> None:
    here = office.founded(tmp_path / "co")
    run = office.approved(here)
    (tmp_path / "co/state/suppressions").mkdir()
    (tmp_path / "co/state/suppressions/x.yaml").write_text("reason: bounced\n")
    office.commit(tmp_path / "co", "a slip")
    assert "names no address that can be read" in office.apply(here, run).why
    assert office.post_of(here).tried == []


def test_a_refused_key_waits_in_the_inbox_and_goes_on_when_it_is_replaced(tmp_path: Path) -> None:
    here = office.founded(tmp_path / "co")
    run, post = office.approved(here), office.post_of(here)
    refused = CredentialsError("post answers 401", "`aios connectors test post` says which credentials it uses")
    post.fails = {"p0-1@x.example": ("before", refused)}
    assert office.apply(here, run).status is RunStatus.WAITING
    kind, why, command = inbox(here, run)
    assert (kind, command) == ("effect", "aios apply")
    assert why == "1 of 4 done; post answers 401 (`aios connectors test post` says which credentials it uses)"
    assert held_back(items(here, [run]), here.now()) == []  # a wrong key is not tried at every tick
    post.fails = {}
    assert office.apply(here, run).status is RunStatus.DONE
    assert sorted(post.sent().values()) == [1] * 4


def test_what_is_in_doubt_is_one_question_that_reconcile_settles(tmp_path: Path) -> None:
    here = office.founded(tmp_path / "co", to=5)
    run, post = office.approved(here), office.post_of(here)
    slow = TransientError("no answer", sent=True)
    post.fails = {f"p0-{n}@x.example": ("after", slow) for n in (1, 3)}
    office.apply(here, run)
    standing = office.apply(here, run)
    assert standing.question is not None
    assert standing.question["text"] == "did 2 parts of mail.send → 5 recipients happen?"
    assert inbox(here, run)[::2] == ("effect", "aios reconcile")
    told = unsettled(here)
    assert [item.summary for item in told] == ["mail.send → p0-1@x.example", "mail.send → p0-3@x.example"]
    assert called(told, run) == called(told, told[0].whole[7:15]) == told
    assert called(told, told[1].key[7:19]) == [told[1]]
    for item in told:
        settle_by_operator(here, item.key, happened=True, url="")
    assert inbox(here, run)[0] == "approved"
    assert office.apply(here, run).status is RunStatus.DONE
    assert sorted(post.sent().values()) == [1] * 5


def test_a_bad_address_is_told_in_the_record_and_where_all_are_bad_the_step_fails(tmp_path: Path) -> None:
    for to, status in ((3, RunStatus.DONE), (1, RunStatus.FAILED)):
        here = office.founded(tmp_path / f"co-{to}", to=to)
        run, post = office.approved(here), office.post_of(here)
        heard: list[Progress] = []
        here = replace(here, report=heard.append)
        post.fails = {"p0-0@x.example": ("before", RefusedError("550 no such user", ""))}
        assert office.apply(here, run).status is status
        assert any("p0-0@x.example: 550 no such user" in each.detail for each in heard)
        step = office.step_of(here.git, run)
        told = step.get("output") or {}
        assert told.get("refused_first", []) == (
            [{"target": "p0-0@x.example", "why": "550 no such user"}] if to == 3 else []
        )
        if status is RunStatus.FAILED:
            assert step["error"].startswith("0 of 1 done; 1 refused: p0-0@x.example: 550 no such user")
            post.fails = {}
            assert carry_on(here, run, retry=True, effects=True).status is RunStatus.DONE
            assert len(post.people()) == 1


def test_each_item_is_an_effect_of_its_own_with_its_own_record(tmp_path: Path) -> None:
    here = office.founded(tmp_path / "co", workflow=office.EACH, count=3, to=1)
    run, post = office.approved(here), office.post_of(here)
    planned = effects_of(run_record(here, read_state(here.git, run, main="main")))
    assert [(each.item, each.record) for each in planned] == [(n, f"messages/letter-{n}") for n in range(3)]
    post.fails = {"p1-0@x.example": ("before", RefusedError("550 no such user", ""))}
    assert office.apply(here, run).status is RunStatus.DONE  # one that fails holds up no other
    assert post.people() == ["p0-0@x.example", "p2-0@x.example"]
    statuses = [
        "status: sent" in (here.git.read_blob(f"main:state/messages/letter-{n}.md") or b"").decode() for n in range(3)
    ]
    assert statuses == [True, False, True]
    step = office.step_of(here.git, run)
    assert (step["status"], step["items"], "550 no such user" in step["error"]) == ("succeeded", 3, True)


def test_an_item_in_doubt_or_waiting_holds_up_no_other(tmp_path: Path) -> None:
    here = office.founded(tmp_path / "co", workflow=office.EACH, count=4, to=1)
    run, post = office.approved(here), office.post_of(here)
    post.fails = {
        "p0-0@x.example": ("after", TransientError("no answer", sent=True)),
        "p1-0@x.example": ("before", TransientError("busy", sent=False)),
    }
    office.apply(here, run)
    assert post.people() == [f"p{n}-0@x.example" for n in (0, 2, 3)]
    post.fails = {}
    standing = office.apply(here, run)
    assert (standing.question or {}).get("text") == "did mail.send → p0-0@x.example happen?"
    assert sorted(post.sent().values()) == [1] * 4
    settle_by_operator(here, unsettled(here)[0].key, happened=True, url="")
    assert office.apply(here, run).status is RunStatus.DONE


def test_trying_again_what_failed_tells_nothing_twice_of_what_was_done(tmp_path: Path) -> None:
    """Events start runs: a mail that is told twice would start them twice."""
    here = office.founded(tmp_path / "co", workflow=office.EACH, count=3, to=1)
    run, post = office.approved(here), office.post_of(here)
    post.fails = {
        "p0-0@x.example": ("before", RefusedError("550 no such user", "")),
        "p1-0@x.example": ("before", TransientError("busy", sent=False)),
    }
    assert office.apply(here, run).status is RunStatus.WAITING
    post.fails = {}
    assert carry_on(here, run, retry=True, effects=True).status is RunStatus.DONE
    told = here.git.text("log", "--format=%(trailers:key=Aios-Event,valueonly)", "main").split()
    assert (told.count("message.sent"), sorted(post.sent().values())) == (3, [1, 1, 1])


def test_reverting_says_that_mail_cannot_be_called_back(tmp_path: Path) -> None:
    here = office.founded(tmp_path / "co", to=3)
    run = office.approved(here)
    office.apply(here, run)
    (undo,) = plan_revert(here, run)
    assert (undo.summary, undo.compensation) == ("Mail “Letter 0” to 3 people: 3 of 3 were done", None)
