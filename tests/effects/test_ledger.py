"""What the ledger keeps of one effect, and what it tells of a day; neither grows with what else there is."""

from __future__ import annotations

import multiprocessing
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from aios.domain.effect import Claim, HowKnown, Receipt
from aios.domain.keys import key_of
from aios.domain.measure import Total
from aios.effects.executor import LEASE, execute
from aios.effects.ledger import Absence, Hold, Ledger
from aios.errors import AiosError, BusyError, HeldError, RefusedError, TransientError
from aios.store.git import Git
from tests.effects.service import AT, EFFECT, Service, desk

NOON, EVENING, MORROW = "2026-03-02T12:00:00Z", "2026-03-02T18:00:00Z", "2026-03-03T09:00:00Z"


@pytest.fixture
def git(tmp_path: Path) -> Iterator[Git]:
    with Git.init(tmp_path / "company") as opened:
        yield opened


def claim(name: str, *, at: str = AT, amount: int = 0, worker: str = "elsewhere:1") -> Claim:
    currency = "EUR" if amount else ""
    return Claim(key_of(name), "run", "send", "post", "mail.send", name, "h", "0" * 40, worker, at, amount, currency)


def test_a_day_is_told_by_kind_and_money_and_what_did_not_happen_is_left_out(git: Git) -> None:
    ledger = Ledger(git)
    for number, at in enumerate((AT, NOON, EVENING, MORROW)):
        ledger.claim(claim(f"p{number}", at=at, amount=100 * number))
    ledger.receipt(Receipt(key_of("p1"), "done", HowKnown.ACTED, NOON))
    assert ledger.acts.since(NOON) == [Total("post", "mail.send", "EUR", 3, 600)]
    ledger.absent(Absence(key_of("p2"), EVENING, "connector:post", "refused"), of=1)
    assert ledger.acts.since(NOON) == [Total("post", "mail.send", "EUR", 2, 400)]
    assert ledger.acts.reached("mail.send", ["p0", "p1", "p2", "other"]) == {"p0", "p1"}
    assert ledger.acts.reached("mail.send", ["p1"], besides=frozenset({key_of("p1")})) == set()
    assert [each.target for each in ledger.unsettled()] == ["p0", "p3"]
    ledger.claim(claim("p2", at=MORROW))
    assert [each.target for each in ledger.unsettled()] == ["p0", *sorted(["p2", "p3"], key=key_of)]


def test_the_cache_of_the_ledger_may_be_deleted_damaged_or_behind(git: Git) -> None:
    ledger, file = Ledger(git), git.dir / "aios" / "acts.sqlite"
    ledger.claim(claim("a"))
    assert len(ledger.acts.open()) == 1
    file.unlink()
    assert len(ledger.acts.open()) == 1
    file.write_text("no database " * 100)
    assert len(ledger.acts.open()) == 1
    before = git.rev("refs/heads/aios/ledger") or ""
    ledger.claim(claim("b"))
    assert len(ledger.acts.open()) == 2
    git.update_ref("refs/heads/aios/ledger", before, git.rev("refs/heads/aios/ledger"), reason="a fetch, forced")
    assert len(ledger.acts.open()) == 1


def test_a_cache_that_is_half_made_of_another_version_or_damaged_inside_is_made_anew(git: Git) -> None:
    ledger, file = Ledger(git), git.dir / "aios" / "acts.sqlite"
    for number in range(40):
        ledger.claim(claim(f"a{number}"))
    for harm in ("DROP INDEX unsettled", "DROP TABLE tip", "ALTER TABLE acts DROP COLUMN capability"):
        assert len(ledger.acts.open()) == 40
        with closing(sqlite3.connect(file)) as database:
            if "COLUMN" in harm:
                database.execute("DROP INDEX by_target")
            database.execute(harm)
            database.commit()
        assert (len(ledger.acts.open()), len(ledger.acts.reached("mail.send", ["a7", "b"]))) == (40, 1), harm
    content = bytearray(file.read_bytes())
    content[4096:] = b"\xa5" * (len(content) - 4096)  # every page but the first
    file.write_bytes(content)
    assert len(ledger.acts.open()) == 40
    file.unlink()
    file.mkdir()
    with pytest.raises(AiosError, match="cannot be used"):
        ledger.acts.open()


def test_why_an_effect_waits_is_noted_once_and_anew_when_it_is_another_reason(git: Git) -> None:
    ledger = Ledger(git)
    hold = Hold(EFFECT.key, "run", "held", AT, "12 of 400 done; paused")
    ledger.hold(hold)
    tip = git.rev("refs/heads/aios/ledger")
    ledger.hold(replace(hold, at=NOON, why="13 of 400 done; paused"))
    assert git.rev("refs/heads/aios/ledger") == tip
    ledger.hold(replace(hold, kind="credentials", why="a key is refused"))
    assert (ledger.held(EFFECT.key, "run"), ledger.held(EFFECT.key, "another")) == (
        replace(hold, kind="credentials", why="a key is refused"),
        None,
    )
    assert ledger.get(EFFECT.key) == (None, None)


def _take_over(root: str, file: str, gate: str) -> None:
    with Git(Path(root)) as git:
        while not Path(gate).exists():
            os.sched_yield()

        def alive(worker: str) -> bool:
            pid = int(worker.partition(":")[2])
            return pid != os.getpid() and Path(f"/proc/{pid}").exists()

        here = replace(desk(git), alive=alive)
        try:
            execute(EFFECT, Service(Path(file)), here, approved={EFFECT.key}, approved_commit="0" * 40)
        except BusyError:
            return


@pytest.mark.parametrize("attempt", range(6))
def test_of_processes_that_find_a_dead_workers_claim_one_takes_it_over(git: Git, tmp_path: Path, attempt: int) -> None:
    service, dead = Service(tmp_path / f"sent-{attempt}"), 2**22 + 1  # no process has that number
    Ledger(git).claim(replace(claim("x", worker=f"here:{dead}"), key=EFFECT.key))
    fork, gate = multiprocessing.get_context("fork"), tmp_path / "go"
    workers = [fork.Process(target=_take_over, args=(str(git.root), str(service.file), str(gate))) for _ in range(4)]
    for worker in workers:
        worker.start()
    gate.touch()
    for worker in workers:
        worker.join(120)
    assert [worker.exitcode for worker in workers] == [0] * 4
    assert service.done() == [EFFECT.key]
    receipt = Ledger(git).get(EFFECT.key)[1]
    assert receipt is not None
    assert (receipt.how, Ledger(git).unsettled()) == (HowKnown.ACTED, [])


def test_what_was_sent_and_may_still_arrive_is_waited_for_and_looked_up_again(git: Git, tmp_path: Path) -> None:
    """The first try timed out, and the service takes it a minute later: acting at once would do it twice."""
    service = Service(tmp_path / "sent", fails=[("before", TransientError("no answer", sent=True))])
    with pytest.raises(TransientError):
        execute(EFFECT, service, desk(git), approved={EFFECT.key}, approved_commit="0" * 40)
    waited: list[float] = []

    def pause(seconds: float) -> None:
        waited.append(seconds)
        service.file.write_text(f'"{EFFECT.key}"\n')  # now it arrives

    done = execute(EFFECT, service, replace(desk(git), pause=pause), approved={EFFECT.key}, approved_commit="0" * 40)
    assert (waited, service.done()) == ([60.0], [EFFECT.key])
    assert done.receipt.how is HowKnown.FOUND  # type: ignore[union-attr]


def test_a_worker_that_slept_after_its_claim_does_not_act_any_more(git: Git, tmp_path: Path) -> None:
    service, late = Service(tmp_path / "sent"), "2026-03-02T09:05:01Z"
    moments = iter([AT, late, late, late])
    here = replace(desk(git), now=lambda: next(moments))
    with pytest.raises(TransientError, match="too long ago"):
        execute(EFFECT, service, here, approved={EFFECT.key}, approved_commit="0" * 40)
    assert (service.done(), Ledger(git).unsettled(), LEASE.total_seconds()) == ([], [], 300)


def test_a_look_up_that_fails_on_a_fresh_claim_leaves_no_doubt(git: Git, tmp_path: Path) -> None:
    """A mailbox cannot say what was sent: a claim that stayed would be asked about, though nothing was."""
    service = Service(tmp_path / "sent", knows=False)
    broken = replace(service, lookup_fails=RefusedError("401", "replace the key"))
    with pytest.raises(RefusedError):
        execute(EFFECT, broken, desk(git), approved={EFFECT.key}, approved_commit="0" * 40)
    execute(EFFECT, service, desk(git), approved={EFFECT.key}, approved_commit="0" * 40)
    assert service.done() == [EFFECT.key]


def test_what_is_not_permitted_now_is_neither_claimed_nor_lost(git: Git, tmp_path: Path) -> None:
    service = Service(tmp_path / "sent")

    def not_now() -> None:
        raise HeldError("not at night", until=NOON)

    with pytest.raises(HeldError) as caught:
        execute(EFFECT, service, replace(desk(git), permit=not_now), approved={EFFECT.key}, approved_commit="0" * 40)
    assert (caught.value.until, service.asked, Ledger(git).get(EFFECT.key)) == (NOON, [], (None, None))
    assert issubclass(HeldError, AiosError)
