"""An effect is done at most once, and never lost: done with a receipt, or a question with the evidence."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from aios.domain.effect import HowKnown
from aios.effects.executor import Ask, Done, execute, settle
from aios.effects.ledger import Ledger
from aios.errors import BusyError, RefusedError, TransientError
from aios.store.git import Git
from tests.effects.service import AT, EFFECT, Service, desk

BOUNDARIES = ["before claim", "after claim", "before act", "after act", "before receipt", "after receipt"]


@pytest.fixture
def git(tmp_path: Path) -> Iterator[Git]:
    with Git.init(tmp_path / "company") as opened:
        yield opened


@pytest.fixture
def service(tmp_path: Path) -> Service:
    return Service(tmp_path / "sent")


def do(git: Git, service: Service, *, paused: str = "", approved: bool = True) -> Done | Ask:
    keys = {EFFECT.key} if approved else set()
    return execute(EFFECT, service, desk(git, paused=paused), approved=keys, approved_commit="0" * 40)


def in_a_process(git: Git, service: Service, boundary: str) -> subprocess.CompletedProcess[str]:
    knows = "knows" if service.knows else "forgets"
    command = [sys.executable, "-m", "tests.effects.service", str(git.root), str(service.file), knows, boundary]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_it_is_claimed_done_and_receipted_once(git: Git, service: Service) -> None:
    first, second = do(git, service), do(git, service)
    assert isinstance(first, Done)
    assert isinstance(second, Done)
    assert (first.new, second.new, first.receipt) == (True, False, second.receipt)
    assert (first.receipt.how, first.receipt.url, service.done()) == (
        HowKnown.ACTED,
        "https://x.example/1",
        [EFFECT.key],
    )
    assert service.asked == ["lookup", "act"]


@pytest.mark.parametrize("boundary", BOUNDARIES)
@pytest.mark.parametrize("knows", [True, False], ids=["service knows", "service forgets"])
def test_killed_anywhere_it_happens_at_most_once_and_is_never_lost(
    git: Git, tmp_path: Path, boundary: str, knows: bool
) -> None:
    service = Service(tmp_path / "sent", knows=knows)
    assert in_a_process(git, service, boundary).returncode == -signal.SIGKILL
    done = do(git, service)
    claimed = boundary in BOUNDARIES[1:5]
    if not knows and claimed:
        # Nobody can tell; so nothing is done, and the operator is asked with what is known.
        assert isinstance(done, Ask)
        assert "claimed by here:" in done.question.evidence[0]
        assert len(service.done()) == int(boundary in {"after act", "before receipt"})
        return
    assert isinstance(done, Done)
    assert service.done() == [EFFECT.key]
    assert len(Ledger(git).unsettled()) == 0


def test_of_processes_at_once_one_does_it(git: Git, service: Service) -> None:
    command = [sys.executable, "-m", "tests.effects.service", str(git.root), str(service.file), "forgets", "nowhere"]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    told = sorted(process.communicate()[0] for process in running)
    assert service.done() == [EFFECT.key]
    assert set(told) <= {"Ask", "Done"}
    assert "Done" in told


@pytest.mark.parametrize(
    ("alive", "age", "told"),
    [(True, 0, BusyError), (None, 0, TransientError), (None, 20, Done), (False, 0, Done)],
)
def test_what_another_worker_may_be_doing_is_left_to_it(
    git: Git, service: Service, alive: bool | None, age: int, told: type
) -> None:
    in_a_process(git, service, "before act")
    later = (datetime.fromisoformat(AT) + timedelta(minutes=age)).isoformat()
    here = replace(desk(git), alive=lambda worker: alive if worker.startswith("here:") else False, now=lambda: later)

    def attempt() -> Done | Ask:
        return execute(EFFECT, service, here, approved={EFFECT.key}, approved_commit="0" * 40)

    if told is Done:
        assert isinstance(attempt(), Done)
    else:
        with pytest.raises(told):
            attempt()
    assert len(service.done()) == int(told is Done)
    assert (Ledger(git).get(EFFECT.key)[1] is None) == (told is not Done)


def test_what_was_not_approved_as_it_is_now_is_not_sent(git: Git, service: Service) -> None:
    with pytest.raises(RefusedError, match="never approved"):
        do(git, service, approved=False)
    assert (service.asked, Ledger(git).get(EFFECT.key)) == ([], (None, None))


def test_the_switch_stops_it_before_anything_is_claimed(git: Git, service: Service) -> None:
    with pytest.raises(RefusedError, match="paused here"):
        do(git, service, paused="paused here")
    assert (service.asked, Ledger(git).get(EFFECT.key)) == ([], (None, None))


def test_a_receipt_stands_even_while_effects_are_paused(git: Git, service: Service) -> None:
    do(git, service)
    assert isinstance(do(git, service, paused="paused here"), Done)


@pytest.mark.parametrize(
    ("failure", "repeats"),
    [
        (RefusedError("they refuse it", "ask them"), True),
        (TransientError("no connection", sent=False), True),
        (TransientError("no answer", sent=True), False),
    ],
)
def test_only_what_certainly_was_not_sent_is_done_again_without_a_question(
    git: Git, tmp_path: Path, failure: Exception, repeats: bool
) -> None:
    service = Service(tmp_path / "sent", knows=False, fails=[("before", failure)])
    with pytest.raises(type(failure)):
        do(git, service)
    done = do(git, service)
    assert isinstance(done, Done if repeats else Ask)
    assert len(service.done()) == int(repeats)


def test_an_act_that_was_done_but_not_answered_is_found(git: Git, tmp_path: Path) -> None:
    service = Service(tmp_path / "sent", fails=[("after", TransientError("no answer", sent=True))])
    with pytest.raises(TransientError):
        do(git, service)
    done = do(git, service)
    assert isinstance(done, Done)
    assert (done.receipt.how, service.done()) == (HowKnown.FOUND, [EFFECT.key])


def test_what_was_only_shown_gets_no_receipt_and_is_sent_later(git: Git, tmp_path: Path) -> None:
    service = Service(tmp_path / "sent", knows=False, sent=False)
    with pytest.raises(RefusedError, match="was not sent"):
        do(git, service)
    assert (service.done(), Ledger(git).get(EFFECT.key)[1], Ledger(git).unsettled()) == ([], None, [])
    service.sent = True
    assert isinstance(do(git, service), Done)


def test_the_operators_word_settles_it(git: Git, tmp_path: Path) -> None:
    for happened in (True, False):
        service = Service(tmp_path / f"sent-{happened}", knows=False)
        with Git.init(tmp_path / f"company-{happened}") as fresh:
            in_a_process(fresh, service, "before act")
            assert isinstance(do(fresh, service), Ask)
            settle(Ledger(fresh), EFFECT.key, happened=happened, url="", now=AT, by="olga@x.example")
            done = do(fresh, service)
            assert isinstance(done, Done)
            assert len(service.done()) == int(not happened)
            with pytest.raises(RefusedError, match="needs no answer"):
                settle(Ledger(fresh), EFFECT.key, happened=happened, url="", now=AT, by="olga@x.example")


def test_the_ledger_only_grows(git: Git, service: Service) -> None:
    do(git, service)
    log = git.text("log", "--format=%s", "--name-status", "aios/ledger").splitlines()
    assert [line for line in log if line[:1] in "MDR" and "\t" in line] == []
    claim, receipt = Ledger(git).get(EFFECT.key)
    assert claim is not None
    assert receipt is not None
    assert (claim.target, claim.approved_commit, receipt.key) == ("ann@x.example", "0" * 40, EFFECT.key)
    assert "Hello" not in git.text("log", "-p", "aios/ledger")  # a payload's hash, never the payload
