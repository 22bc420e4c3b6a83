"""One ledger on several machines: whoever acts has claimed it where all can see it; receipts arrive, if late."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest

from aios.domain.effect import Claim, HowKnown, Receipt
from aios.domain.keys import key_of
from aios.effects.executor import GRACE, Ask, Desk, Done, execute
from aios.effects.ledger import Absence, Hold, Ledger
from aios.errors import BusyError, HeldError, TransientError
from aios.runs.context import Context
from aios.store.git import Git
from aios.store.remote import Remote
from tests.effects.service import AT, EFFECT, Service
from tests.remote.hub import AFTER, BEFORE, DROP, TOKEN, git, hook
from tests.remote.machines import LEDGER, Machines, alive_on, plugged, shared, unplugged


@pytest.fixture
def machines(tmp_path: Path) -> Iterator[Machines]:
    with shared(tmp_path) as made:
        yield made


def ledger(here: Context) -> Ledger:
    return Ledger(here.git, here.remote)


def desk(here: Context, *, at: str = AT) -> Desk:
    return Desk(ledger(here), lambda: at, here.worker, lambda _: "", alive=here.alive)


def do(here: Context, service: Service, *, at: str = AT) -> Done | Ask:
    return execute(EFFECT, service, desk(here, at=at), approved={EFFECT.key}, approved_commit="0" * 40)


def later(than: str, by: timedelta) -> str:
    return (datetime.fromisoformat(than) + by).isoformat().replace("+00:00", "Z")


def claim(name: str, worker: str, at: str = AT) -> Claim:
    return Claim(key_of(name), "run", "send", "post", "mail.send", name, "h", "0" * 40, worker, at)


def files(machines: Machines) -> list[str]:
    """The ledger's files at the server, without their folders."""
    if not machines.there(LEDGER):
        return []
    listed = git(machines.bare, "ls-tree", "-r", "--name-only", LEDGER)
    return sorted(path.rpartition("/")[2] for path in listed.splitlines())


def test_the_first_claim_makes_the_ledger_there_and_the_other_machine_finds_the_receipt(machines: Machines) -> None:
    service = Service(machines.root / "sent")
    a, b = machines.at("a"), machines.at("b")
    assert isinstance(do(a, service), Done)
    told = do(b, service)
    assert isinstance(told, Done)
    assert (told.new, service.done(), files(machines)) == (False, [EFFECT.key], ["claim.yaml", "receipt.yaml"])
    assert a.git.rev(LEDGER) == b.git.rev(LEDGER) == machines.there(LEDGER)


def _race(root: str, name: str, gate: str) -> None:
    place = Path(root) / name
    with Git(place) as opened:
        remote = Remote(opened, token=lambda: TOKEN)
        here = Desk(Ledger(opened, remote), lambda: AT, f"{name}:{os.getpid()}", lambda _: "", alive=alive_or_not(name))
        while not Path(gate).exists():
            os.sched_yield()
        try:
            execute(EFFECT, Service(Path(root) / "sent"), here, approved={EFFECT.key}, approved_commit="0" * 40)
        except (BusyError, TransientError):
            return


def alive_or_not(name: str) -> Callable[[str], bool | None]:
    def alive(worker: str) -> bool | None:
        host, _, pid = worker.partition(":")
        return None if host != name else pid != str(os.getpid()) and Path(f"/proc/{pid}").exists()

    return alive


def test_of_machines_that_race_for_an_effect_one_acts(machines: Machines) -> None:
    fork, gate = multiprocessing.get_context("fork"), machines.root / "go"
    for name in ("a", "b", "c"):
        machines.clone(name)
    arguments = [(str(machines.root), name, str(gate)) for name in ("a", "a", "b", "b", "c")]
    workers = [fork.Process(target=_race, args=each) for each in arguments]
    for worker in workers:
        worker.start()
    gate.touch()
    for worker in workers:
        worker.join(120)
    assert [worker.exitcode for worker in workers] == [0] * 5
    assert Service(machines.root / "sent").done() == [EFFECT.key]
    last = machines.at("c")
    ledger(last).refresh()
    assert (ledger(last).unsettled(), files(machines).count("receipt.yaml")) == ([], 1)


def test_a_claim_of_a_dead_machine_is_left_alone_first_and_then_looked_up_and_taken_over(machines: Machines) -> None:
    service = Service(machines.root / "sent")
    a, b = machines.at("a"), machines.at("b")
    assert ledger(a).claim(replace(claim("x", "a:1"), key=EFFECT.key)) == 1  # and then its power fails
    with pytest.raises(TransientError, match="may be at it") as caught:
        do(b, service)
    assert (caught.value.sent, service.asked) == (False, [])
    told = do(b, service, at=later(AT, GRACE))
    assert isinstance(told, Done)
    assert (service.asked, files(machines)) == (
        ["lookup", "act"],
        ["absent-1.yaml", "claim-2.yaml", "claim.yaml", "receipt.yaml"],
    )


def test_without_a_network_nothing_is_claimed_and_nothing_sent(machines: Machines) -> None:
    service = Service(machines.root / "sent")
    dead = unplugged(machines.at("a"))
    with pytest.raises(TransientError, match="origin cannot be reached; nothing was sent") as caught:
        do(dead, service)
    assert (caught.value.sent, service.asked, dead.git.rev(LEDGER)) == (False, [], None)
    with pytest.raises(TransientError):
        ledger(dead).withhold(Absence(EFFECT.key, AT, "aios", "closed", "withheld", "turn"))
    assert dead.git.rev(LEDGER) is None
    assert isinstance(do(plugged(dead), service), Done)
    assert service.done() == [EFFECT.key]


def test_what_was_done_while_the_network_failed_arrives_with_the_next_write(machines: Machines) -> None:
    a, b = machines.at("a"), machines.at("b")
    assert ledger(a).claim(claim("x", "a:1")) == 1
    dead = unplugged(a)
    receipt = Receipt(key_of("x"), "done", HowKnown.ACTED, AT, "7")
    assert ledger(dead).receipt(receipt)
    ledger(dead).hold(Hold(key_of("y"), "run", "service", AT, "waits"))
    assert (ledger(dead).get(key_of("x"))[1], files(machines)) == (receipt, ["claim.yaml"])
    assert "cannot be reached" in ledger(dead).share()
    assert ledger(b).claim(claim("z", "b:1")) == 1  # the ledger goes on meanwhile
    a = plugged(dead)
    assert ledger(a).claim(claim("w", "a:1")) == 1
    assert files(machines) == ["claim.yaml"] * 3 + ["held-1.yaml", "receipt.yaml"]
    ledger(b).refresh()
    assert (ledger(b).get(key_of("x"))[1], ledger(b).get(key_of("z"))[1]) == (receipt, None)
    assert a.git.rev(LEDGER) == b.git.rev(LEDGER) == machines.there(LEDGER)


def test_of_two_that_say_something_of_one_attempt_the_first_is_right(machines: Machines) -> None:
    a, b = machines.at("a"), machines.at("b")
    assert ledger(a).claim(claim("x", "a:1")) == 1
    dead = unplugged(a)
    assert ledger(dead).absent(Absence(key_of("x"), AT, "connector:post", "no"), of=1)
    ledger(b).refresh()
    assert ledger(b).retake(claim("x", "b:1"), of=1, by="b:1") == 2
    a = plugged(dead)
    assert ledger(a).claim(claim("x", "a:2")) == 0
    standing = ledger(a).standing(key_of("x"))
    assert standing is not None
    assert (standing[0], standing[1].claimed_by) == (2, "b:1")
    other = Receipt(key_of("x"), "done", HowKnown.FOUND, AT, "1")
    assert ledger(b).receipt(other)
    assert not ledger(a).receipt(replace(other, how=HowKnown.OPERATOR))  # which a has not heard of yet
    assert ledger(a).get(key_of("x"))[1] == other


@pytest.mark.parametrize("fails", [BEFORE, AFTER, DROP])
def test_a_push_of_which_nobody_knows_whether_it_arrived_neither_deadlocks_nor_asks(
    machines: Machines, fails: str
) -> None:
    service = Service(machines.root / "sent", knows=False)
    a = machines.at("a")
    machines.hub.fails.append(fails)
    if fails == DROP:  # the second try of git's own library finds the first
        assert isinstance(do(a, service), Done)
    else:
        with pytest.raises(TransientError, match="nothing was sent") as caught:
            do(a, service)
        assert (caught.value.sent, service.asked, a.git.rev(LEDGER)) == (False, [], None)
        assert files(machines) == (["claim.yaml"] if fails == AFTER else [])
        assert isinstance(do(a, service, at=later(AT, timedelta(minutes=1))), Done)
    assert (service.done(), ledger(a).unsettled()) == ([EFFECT.key], [])
    assert [file.name for file in (a.git.dir / "aios" / "claiming").iterdir()] == ["lock"]


def _die_claiming(place: str, sent: str, told: str) -> None:
    Path(told).write_text(str(os.getpid()))
    with Git(Path(place)) as opened:
        remote = Remote(opened, token=lambda: TOKEN)
        here = Desk(Ledger(opened, remote), lambda: AT, f"a:{os.getpid()}", lambda _: "", alive=alive_on("a"))
        execute(EFFECT, Service(Path(sent), knows=False), here, approved={EFFECT.key}, approved_commit="0" * 40)


@pytest.mark.parametrize("moment", ["pre-receive", "post-receive"])
def test_killed_in_the_middle_of_a_claims_push_nothing_was_sent_and_nobody_is_asked(
    machines: Machines, moment: str
) -> None:
    """The server itself ends the client: before it moves the branch, and after."""
    place, pid, sent = machines.clone("a"), machines.root / "pid", machines.root / "sent"
    hook(machines.bare, moment, f"kill -9 $(cat {pid}); rm {machines.bare}/hooks/{moment}; exit 0")
    child = multiprocessing.get_context("fork").Process(target=_die_claiming, args=(str(place), str(sent), str(pid)))
    child.start()
    child.join(60)
    assert child.exitcode == -signal.SIGKILL
    service = Service(sent, knows=False)
    a = machines.at("a")
    assert service.done() == []
    # git itself may outlive its caller, and finish the push: what comes after it, waits for it
    assert isinstance(do(a, service, at=later(AT, timedelta(minutes=1))), Done)
    ledger(a).refresh()
    assert (service.done(), ledger(a).unsettled(), files(machines)[-1]) == ([EFFECT.key], [], "receipt.yaml")


def test_another_machine_does_not_trust_what_a_push_left_here(machines: Machines) -> None:
    service = Service(machines.root / "sent", knows=False)
    a, b = machines.at("a"), machines.at("b")
    machines.hub.fails.append(AFTER)
    with pytest.raises(TransientError):
        do(a, service)
    told = do(b, service, at=later(AT, GRACE))
    assert isinstance(told, Ask)
    assert ledger(b).absent(Absence(EFFECT.key, AT, "olga@x.example"), of=1)
    assert isinstance(do(b, service, at=later(AT, GRACE)), Done)
    assert isinstance(do(a, service, at=later(AT, GRACE)), Done)
    assert service.done() == [EFFECT.key]


@pytest.mark.parametrize("how", ["set back", "gone", "rewritten"])
def test_a_ledger_that_was_set_back_is_not_acted_on(machines: Machines, how: str) -> None:
    service = Service(machines.root / "sent")
    a, b = machines.at("a"), machines.at("b")
    ledger(a).claim(claim("x", "a:1"))
    before = machines.there(LEDGER)
    do(a, service)
    ledger(b).refresh()
    known = machines.there(LEDGER)
    if how == "set back":
        git(machines.bare, "update-ref", f"refs/heads/{LEDGER}", before)
    elif how == "gone":
        git(machines.bare, "update-ref", "-d", f"refs/heads/{LEDGER}")
    else:
        tree = git(machines.bare, "rev-parse", f"{before}^{{tree}}")
        who = {f"GIT_{role}_{what}": "x" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
        made = git(machines.bare, "commit-tree", tree, "-m", "another past", env=who)
        git(machines.bare, "update-ref", f"refs/heads/{LEDGER}", made)
    other = replace(EFFECT, target="bob@x.example")
    for here in (a, b):
        with pytest.raises(HeldError, match="was set back at origin"):
            execute(other, service, desk(here), approved={other.key}, approved_commit="0" * 40)
    assert service.done() == [EFFECT.key]
    git(machines.bare, "fetch", "-q", str(b.git.root), f"+refs/heads/{LEDGER}:refs/heads/{LEDGER}")  # as the hint says
    assert machines.there(LEDGER) == known
    assert isinstance(execute(other, service, desk(a), approved={other.key}, approved_commit="0" * 40), Done)


def test_a_ledger_that_may_not_be_pushed_holds_effects_and_says_what_was_answered(machines: Machines) -> None:
    service = Service(machines.root / "sent")
    a = machines.at("a")
    hook(machines.bare, "update", 'echo "GH013: Repository rule violations found for $1" >&2; exit 1')
    with pytest.raises(HeldError, match=r"origin refuses `aios/ledger`.*GH013: Repository rule violations"):
        do(a, service)
    machines.hub.tokens.clear()
    with pytest.raises(HeldError, match="does not let us"):
        do(a, service)
    assert (service.asked, a.git.rev(LEDGER), files(machines)) == ([], None, [])


def test_what_others_wrote_meanwhile_is_weighed_before_the_claim_is_made_after_all(machines: Machines) -> None:
    """A cap that the last act of another machine has used up."""
    a, b = machines.at("a"), machines.at("b")
    assert ledger(b).claim(claim("x", "b:1")) == 1

    def again() -> None:
        if len(ledger(a).acts.open()) >= 1:
            raise HeldError("the cap of today is reached")

    with pytest.raises(HeldError, match="cap"):
        ledger(a).claim(claim("y", "a:1"), again=again)
    assert files(machines) == ["claim.yaml"]


def test_the_cache_of_the_ledger_follows_when_it_is_laid_on_what_others_wrote(machines: Machines) -> None:
    a, b = machines.at("a"), machines.at("b")
    ledger(a).claim(claim("x", "a:1"))
    dead = unplugged(a)
    ledger(dead).hold(Hold(key_of("x"), "run", "service", AT, "here"))
    ledger(dead).receipt(Receipt(key_of("x"), "done", HowKnown.ACTED, AT))
    assert ledger(dead).acts.open() == []
    ledger(b).refresh()
    ledger(b).hold(Hold(key_of("x"), "run", "service", AT, "there"))
    ledger(b).claim(claim("y", "b:1"))
    a = plugged(dead)
    ledger(a).refresh()
    assert ledger(a).acts.open() == [key_of("y")]
    ledger(b).refresh()
    assert ledger(b).acts.open() == [key_of("y")]


def _many(place: str, name: str, number: int, together: Barrier) -> None:
    # A child that is forked while the server answers would hold that answer's pipes open: nobody asks before all are.
    together.wait(60)
    with Git(Path(place)) as opened:
        here = Ledger(opened, Remote(opened, token=lambda: TOKEN))
        made = claim(f"{name}-{number}", f"{name}:{os.getpid()}")
        assert here.claim(made) == 1
        assert here.receipt(Receipt(made.key, "done", HowKnown.ACTED, AT))


def test_eight_at_a_time_on_two_machines_lose_nothing(machines: Machines) -> None:
    places = {name: machines.clone(name) for name in ("a", "b")}
    fork = multiprocessing.get_context("fork")
    together = fork.Barrier(8)
    workers = [
        fork.Process(target=_many, args=(str(places[name]), name, n, together)) for n in range(4) for name in places
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(180)
    assert [worker.exitcode for worker in workers] == [0] * 8
    for name in places:
        ledger(machines.at(name)).refresh()
    assert files(machines) == ["claim.yaml"] * 8 + ["receipt.yaml"] * 8
    assert ledger(machines.at("a")).unsettled() == []
