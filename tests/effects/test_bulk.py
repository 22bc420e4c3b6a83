"""A mail to many is many mails: each at most once, whatever ends in between, and none holds up the others."""

from __future__ import annotations

import multiprocessing
import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from aios.domain.effect import Effect, HowKnown
from aios.effects.bulk import IN_A_ROW, Tally, execute_parts, question_of, receipt_of
from aios.effects.executor import settle
from aios.effects.ledger import Ledger
from aios.errors import AiosError, CredentialsError, HeldError, RefusedError, TransientError
from aios.store.git import Git
from tests.effects.post import Post, letter, pieces
from tests.effects.service import AT, desk
from tests.kills import dies_at


@pytest.fixture
def git(tmp_path: Path) -> Iterator[Git]:
    with Git.init(tmp_path / "company") as opened:
        yield opened


def send(
    git: Git,
    post: Post,
    effect: Effect,
    *,
    turn: str = "1",
    paused: Callable[[], str] = lambda: "",
    checkpoint: Callable[[str], None] = lambda _: None,
    withheld: Callable[[Effect], str] = lambda _: "",
) -> Tally:
    here = replace(desk(git, checkpoint=checkpoint), turn=turn, paused=lambda _: paused())
    acts = pieces(effect)
    keys = {act.key for act in acts}
    return execute_parts(acts, post, here, approved=keys, approved_commit="0" * 40, withheld=withheld)


def test_every_recipient_gets_one_mail_with_a_receipt_of_its_own(git: Git, tmp_path: Path) -> None:
    post, effect = Post(tmp_path / "sent"), letter(5)
    first, second = send(git, post, effect), send(git, post, effect)
    assert (first.done, first.new, second.done, second.new) == (5, 5, 5, 0)
    assert post.people() == [f"p{number}@x.example" for number in range(5)]
    assert all(Ledger(git).get(act.key)[1] for act in pieces(effect))
    receipt = receipt_of(effect, first, desk(git))
    assert (Ledger(git).get(effect.key)[1], receipt.detail) == (receipt, "5 of 5 done")


def test_the_same_mail_to_the_same_person_in_another_approval_is_not_sent_again(git: Git, tmp_path: Path) -> None:
    post = Post(tmp_path / "sent")
    send(git, post, letter(3))
    tally = send(git, post, letter(5), turn="another run")
    assert (tally.done, tally.new, len(post.people())) == (5, 2, 5)


@pytest.mark.parametrize("knows", [True, False], ids=["service knows", "service forgets"])
def test_killed_at_every_boundary_nobody_gets_two_and_nobody_is_lost(tmp_path: Path, knows: bool) -> None:
    boundary = 0
    while True:
        boundary += 1
        root = tmp_path / str(boundary)
        Git.init(root).close()
        post, effect = Post(root / "sent", knows=knows), letter(3)

        def drive(place: Path, checkpoint: Callable[[str], None], post: Post = post, effect: Effect = effect) -> None:
            with Git(place) as own:
                send(own, post, effect, checkpoint=checkpoint)

        died = dies_at(root, boundary, drive)
        with Git(root) as git:
            tally = send(git, post, effect)
            assert max(post.sent().values(), default=1) == 1
            assert (tally.left, tally.refused, tally.done + len(tally.doubtful)) == (0, [], 3)
            if knows:
                assert (tally.doubtful, len(post.sent())) == ([], 3)
            assert len(tally.doubtful) <= 1  # only the one that it was at
            for claim in Ledger(git).unsettled():
                settle(Ledger(git), claim.key, happened=claim.key in post.sent(), url="", now=AT, by="me")
            assert (send(git, post, effect).done, sorted(post.sent().values())) == (3, [1, 1, 1])
        if not died:
            break
    assert boundary > 3 * 6


def test_it_can_be_paused_in_the_middle_and_goes_on_where_it_was(git: Git, tmp_path: Path) -> None:
    switch = tmp_path / "paused"
    post, effect = Post(tmp_path / "sent"), letter(6)
    post.each = lambda to: switch.touch() if to.startswith("p2@") else None

    def paused() -> str:
        return "paused here" if switch.exists() else ""

    tally = send(git, post, effect, paused=paused)
    assert (tally.done, tally.left, str(tally)) == (3, 3, "3 of 6 done")
    assert isinstance(tally.stopped, HeldError)
    assert (Ledger(git).unsettled(), len(post.people())) == ([], 3)
    switch.unlink()
    post.each = lambda _: None
    assert (send(git, post, effect, paused=paused).done, len(post.people())) == (6, 6)


def test_an_address_that_is_refused_for_good_stops_no_other(git: Git, tmp_path: Path) -> None:
    bad = {"p1@x.example": ("before", RefusedError("550 no such user", ""))}
    post, effect = Post(tmp_path / "sent", fails=bad), letter(4)
    tally = send(git, post, effect)
    assert (tally.done, tally.left, [(each.target, each.why) for each in tally.refused]) == (
        3,
        0,
        [("p1@x.example", "550 no such user")],
    )
    again = send(git, post, effect)
    assert (str(again), post.tried.count("p1@x.example")) == ("3 of 4 done; 1 refused", 1)
    send(git, post, effect, turn="2")  # the operator wants it tried again
    assert post.tried.count("p1@x.example") == 2


def test_where_all_are_refused_it_stops_early(git: Git, tmp_path: Path) -> None:
    effect = letter(20)
    blocked = {
        each["email"]: ("before", RefusedError("554 you are blocked", "")) for each in effect.payload["recipients"]
    }
    post = Post(tmp_path / "sent", fails=blocked)
    tally = send(git, post, effect)
    assert (len(post.tried), tally.left) == (IN_A_ROW, 20 - IN_A_ROW)
    assert "554 you are blocked" in str(tally.stopped)


def test_a_key_that_is_refused_waits_and_loses_nothing(git: Git, tmp_path: Path) -> None:
    wrong = {"p2@x.example": ("before", CredentialsError("535 bad password", "replace it"))}
    post, effect = Post(tmp_path / "sent", fails=wrong), letter(5)
    tally = send(git, post, effect)
    assert (tally.done, tally.left, tally.refused, post.tried[-1]) == (2, 3, [], "p2@x.example")
    assert isinstance(tally.stopped, CredentialsError)
    post.fails = {}
    assert (send(git, post, effect).done, max(post.sent().values())) == (5, 1)


@pytest.mark.parametrize("knows", [True, False], ids=["service knows", "service forgets"])
def test_what_is_accepted_and_not_answered_is_asked_about_once_for_all(git: Git, tmp_path: Path, knows: bool) -> None:
    late = {f"p{n}@x.example": ("after", TransientError("no answer", sent=True)) for n in (1, 3)}
    post, effect = Post(tmp_path / "sent", knows=knows, fails=late), letter(6)
    first = send(git, post, effect)
    assert (first.done, first.left, first.stopped, len(post.people())) == (4, 2, None, 6)
    second = send(git, post, effect)
    assert max(post.sent().values()) == 1
    if knows:
        assert (second.done, second.is_settled) == (6, True)
        return
    assert (second.done, len(second.doubtful)) == (4, 2)
    question = question_of(effect, second)
    assert question.text == "did 2 parts of mail.send → 6 recipients happen?"
    assert [line.split()[3] for line in question.evidence[:2]] == ["p1@x.example", "p3@x.example"]
    for claim, happened in zip(Ledger(git).unsettled(), (True, False), strict=True):
        settle(Ledger(git), claim.key, happened=happened, url="", now=AT, by="me")
    post.fails = {}
    assert (send(git, post, effect).done, sorted(post.sent().values())) == (
        6,
        [1, 1, 1, 1, 1, 2],
    )  # as the operator said


def test_who_shall_get_no_mail_gets_none_without_a_claim(git: Git, tmp_path: Path) -> None:
    post, effect = Post(tmp_path / "sent"), letter(3)
    tally = send(git, post, effect, withheld=lambda act: "bounced" if act.target.startswith("p1@") else "")
    assert (str(tally), post.people()) == ("2 of 3 done; 1 withheld", ["p0@x.example", "p2@x.example"])
    assert (str(send(git, post, effect)), len(post.tried)) == ("2 of 3 done; 1 withheld", 2)
    assert len(Ledger(git).acts.reached("mail.send", [f"p{n}@x.example" for n in range(3)])) == 2


def _worker(root: str, file: str, count: int) -> None:
    with Git(Path(root)) as git:
        send(git, Post(Path(file)), letter(count))


def test_processes_at_once_share_the_work(git: Git, tmp_path: Path) -> None:
    post, effect = Post(tmp_path / "sent"), letter(12)
    fork = multiprocessing.get_context("fork")
    workers = [fork.Process(target=_worker, args=(str(git.root), str(post.file), 12)) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(120)
    assert [worker.exitcode for worker in workers] == [0, 0, 0]
    assert (len(post.sent()), set(post.sent().values())) == (12, {1})
    assert all((Ledger(git).get(act.key)[1] or pytest.fail(act.target)).how is HowKnown.ACTED for act in pieces(effect))


@pytest.mark.parametrize("seed", range(4))
def test_killed_at_random_over_fifty_nobody_gets_two(tmp_path: Path, seed: int) -> None:
    """The service forgets all it did: the operator, who looks into the outbox, settles what is in doubt."""
    chance = random.Random(seed)
    root = tmp_path / "company"
    Git.init(root).close()
    effect, flaky = letter(50), TransientError("no answer", sent=True)
    outcomes = {each["email"]: ("after", flaky) for each in effect.payload["recipients"] if chance.random() < 0.05}
    post = Post(root / "sent", fails=outcomes, once=True)

    def drive(place: Path, checkpoint: Callable[[str], None]) -> None:
        with Git(place) as own:
            send(own, post, effect, checkpoint=checkpoint)

    for _ in range(40):
        died = dies_at(root, chance.randrange(1, 120), drive)
        with Git(root) as git:
            for claim in Ledger(git).unsettled():
                settle(Ledger(git), claim.key, happened=claim.key in post.sent(), url="", now=AT, by="me")
            done = [act for act in pieces(effect) if Ledger(git).get(act.key)[1]]
            assert {act.key for act in done} == set(post.sent())
            if not died and len(done) == 50:
                break
    assert (len(post.sent()), set(post.sent().values())) == (50, {1})


def test_an_act_that_fails_for_good_ends_in_a_known_state(git: Git, tmp_path: Path) -> None:
    """Neither refused nor transient: the service is asked at once what became of it."""
    broken = AiosError("an answer that nobody can read")
    for knows, when in ((True, "after"), (True, "before"), (False, "after")):
        post = Post(tmp_path / f"sent-{knows}-{when}", knows=knows, fails={"p0@x.example": (when, broken)})
        tally = send(git, post, letter(1, f"{knows}-{when}"))
        told = (tally.done, len(tally.refused), len(tally.doubtful))
        assert (
            told == {(True, "after"): (1, 0, 0), (True, "before"): (0, 1, 0), (False, "after"): (0, 0, 1)}[knows, when]
        )
    assert len(Ledger(git).unsettled()) == 1  # the question


def test_a_whole_of_which_nothing_was_done_has_no_receipt(git: Git, tmp_path: Path) -> None:
    effect = letter(2)
    tally = send(git, Post(tmp_path / "sent"), effect, withheld=lambda _: "complained")
    assert receipt_of(effect, tally, desk(git)).detail == "0 of 2 done; 2 withheld"
    assert Ledger(git).get(effect.key)[1] is None
