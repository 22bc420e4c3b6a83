"""Killed anywhere between what is written here and what is pushed: another machine finishes, and nothing is done twice.

The server itself ends the client, before or after it takes a push: then the two copies differ.
"""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
from collections.abc import Iterator

import pytest

from aios.domain.names import branch_of
from aios.effects.executor import GRACE
from aios.effects.ledger import Ledger
from aios.runs.conductor import carry_on
from aios.runs.gate import approve
from aios.runs.syncing import sync
from tests.remote.hub import hook
from tests.remote.machines import LEDGER, Machines, plugged, shared, unplugged
from tests.runs.house import START, start

CLAIM, RECEIPT, BOOKKEEPING = 1, 2, 3  # the pushes of one effect
BEFORE, AFTER = "pre-receive", "post-receive"


@pytest.fixture(scope="module")
def approved(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Machines, str]]:
    """A run that was approved, on two machines; what lies there is put back before each test."""
    with shared(tmp_path_factory.mktemp("kills") / "world", http=False) as machines:
        a, b = machines.at("a"), machines.at("b")
        run = start(a)
        carry_on(a, run)
        approve(a, run)
        sync(a)
        sync(b)
        for here in (a, b):
            here.git.close()
        shutil.copytree(machines.root, machines.root.with_name("kept"), symlinks=True)
        yield machines, run


@pytest.fixture
def world(approved: tuple[Machines, str]) -> tuple[Machines, str]:
    machines, run = approved
    for name in ("a", "b", "hub/company.git", "service"):
        shutil.rmtree(machines.root / name, ignore_errors=True)
        if (machines.root.with_name("kept") / name).exists():
            shutil.copytree(machines.root.with_name("kept") / name, machines.root / name, symlinks=True)
    return machines, run


def _work(machines: Machines, run: str, at: str) -> None:
    (machines.root / "pid").write_text(str(os.getpid()))

    def checkpoint(name: str) -> None:
        if name == at:
            os.kill(os.getpid(), signal.SIGKILL)

    carry_on(machines.at("a", worker=f"a:{os.getpid()}", checkpoint=checkpoint), run, effects=True)


def die(machines: Machines, run: str, at: str = "") -> None:
    child = multiprocessing.get_context("fork").Process(target=_work, args=(machines, run, at))
    child.start()
    child.join(120)
    assert child.exitcode == -signal.SIGKILL


def finish(machines: Machines, run: str, name: str) -> None:
    """On a machine, when nobody can still be at it."""
    late = machines.at(name, clock=lambda: START + GRACE)
    sync(late)
    carry_on(late, run, effects=True)
    sync(late)


def verify(machines: Machines, run: str) -> None:
    a, b = machines.at("a"), machines.at("b")
    for here in (a, b):
        assert sync(here).stuck == ()
    assert len(machines.service.done()) == 1
    assert a.git.rev("main") == b.git.rev("main") == machines.there()
    assert a.git.rev(f"refs/heads/{LEDGER}") == b.git.rev(f"refs/heads/{LEDGER}") == machines.there(LEDGER)
    assert Ledger(b.git).unsettled() == []
    assert [line for line in machines.told() if line.startswith("content.published")] == [
        "content.published: https://test.example/a-fine-topic/"
    ]
    assert (a.git.rev(branch_of(run)), machines.there(branch_of(run))) == (None, "")


@pytest.mark.parametrize("moment", [BEFORE, AFTER])
@pytest.mark.parametrize("push", [CLAIM, RECEIPT, BOOKKEEPING])
def test_killed_in_a_push_another_machine_finishes_and_nothing_is_done_twice(
    world: tuple[Machines, str], push: int, moment: str
) -> None:
    machines, run = world
    place = machines.root
    hook(
        machines.bare,
        moment,
        f'echo x >> {place}/asked; [ "$(wc -l < {place}/asked)" -eq {push} ] && kill -9 $(cat {place}/pid); exit 0',
    )
    (place / "asked").unlink(missing_ok=True)
    die(machines, run)
    hook(machines.bare, moment, "exit 0")
    finish(machines, run, "b")
    verify(machines, run)


@pytest.mark.parametrize("at", ["after act", "before commit to main"])
def test_killed_between_the_pushes_the_same_machine_finishes(world: tuple[Machines, str], at: str) -> None:
    machines, run = world
    die(machines, run, at)
    finish(machines, run, "a")
    verify(machines, run)


def test_two_machines_that_apply_at_once_do_it_once(world: tuple[Machines, str]) -> None:
    machines, run = world
    fork, gate = multiprocessing.get_context("fork"), machines.root / "go"

    def work(name: str) -> None:
        while not gate.exists():
            os.sched_yield()
        carry_on(machines.at(name), run, effects=True)

    workers = [fork.Process(target=work, args=(name,)) for name in ("a", "b")]
    for worker in workers:
        worker.start()
    gate.touch()
    for worker in workers:
        worker.join(120)
    assert [worker.exitcode for worker in workers] == [0, 0]
    finish(machines, run, "a")
    verify(machines, run)


def test_without_a_network_nothing_is_done_and_it_is_told(world: tuple[Machines, str]) -> None:
    machines, run = world
    dead = unplugged(machines.at("a"))
    standing = carry_on(dead, run, effects=True)
    assert "nothing was sent" in standing.why
    assert machines.service.acts() == []
    carry_on(plugged(dead), run, effects=True)
    verify(machines, run)
