"""Two workers at one effect: what one says of its own attempt never settles, frees or takes over the other's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from aios.domain.effect import Claim, Effect, HowKnown, Lookup, Outcome, Receipt
from aios.effects.bulk import execute_parts
from aios.effects.executor import Desk, WithheldError, execute, settle
from aios.effects.ledger import Absence, Ledger
from aios.errors import AiosError, BusyError, HeldError, TransientError
from aios.store.git import Git
from tests.effects.post import Post, letter, pieces
from tests.effects.service import AT, EFFECT, Service, desk

ELSEWHERE = Claim(EFFECT.key, "run", "send", "post", "mail.send", "ann@x.example", "h", "0" * 40, "there:7", AT)


@pytest.fixture
def git(tmp_path: Path) -> Iterator[Git]:
    with Git.init(tmp_path / "company") as opened:
        yield opened


@dataclass
class Meeting(Service):
    """Something else happens during a look-up, or during an act."""

    in_lookup: Callable[[], object] = lambda: None
    in_act: Callable[[], object] = lambda: None

    def lookup(self, effect: Effect) -> Lookup:
        found = super().lookup(effect)
        self.in_lookup()
        return found

    def act(self, effect: Effect) -> Outcome:
        self.in_act()
        return super().act(effect)


def do(service: Service, here: Desk) -> object:
    return execute(EFFECT, service, here, approved={EFFECT.key}, approved_commit="0" * 40)


@pytest.mark.parametrize(
    "failure", [TransientError("no connection", sent=False), AiosError("it broke"), HeldError("ours")], ids=str
)
def test_who_was_taken_over_frees_no_claim_but_its_own(git: Git, tmp_path: Path, failure: AiosError) -> None:
    ledger = Ledger(git)

    def taken_over() -> None:
        assert ledger.retake(ELSEWHERE, of=1, by="there:7") == 2

    service = Meeting(tmp_path / "sent", fails=[("before", failure)], in_act=taken_over)
    with pytest.raises(AiosError):
        do(service, desk(git))
    assert ledger.standing(EFFECT.key) == (2, ELSEWHERE)
    assert ledger.claim(replace(ELSEWHERE, claimed_by="other:1")) == 0


def test_who_slept_through_its_lease_frees_no_claim_but_its_own(git: Git, tmp_path: Path) -> None:
    ledger, late = Ledger(git), "2026-03-02T09:20:00Z"
    moments = iter([AT])

    def taken_over() -> None:
        assert ledger.retake(replace(ELSEWHERE, at=late), of=1, by="there:7") == 2

    service = Meeting(tmp_path / "sent", in_lookup=taken_over)
    with pytest.raises(TransientError, match="too long ago"):
        do(service, replace(desk(git), now=lambda: next(moments, late)))
    assert (service.done(), (ledger.standing(EFFECT.key) or (0,))[0]) == ([], 2)


def test_a_clock_that_was_set_back_makes_no_lease_longer(git: Git, tmp_path: Path) -> None:
    service, moments = Service(tmp_path / "sent"), iter([AT])
    with pytest.raises(TransientError, match="too long ago"):
        do(service, replace(desk(git), now=lambda: next(moments, "2026-03-02T08:00:00Z")))
    assert (service.done(), Ledger(git).unsettled()) == ([], [])


def test_what_was_claimed_anew_since_it_was_looked_at_is_not_taken_over(git: Git, tmp_path: Path) -> None:
    """The claim that was looked at is released, and a third worker claims, before the one who looked acts."""
    ledger = Ledger(git)
    assert ledger.claim(replace(ELSEWHERE, claimed_by="dead:1")) == 1

    def another() -> None:
        ledger.absent(Absence(EFFECT.key, AT, "dead:1"), of=1)
        assert ledger.claim(ELSEWHERE) == 2

    service = Meeting(tmp_path / "sent", in_lookup=another)
    late = replace(desk(git), now=lambda: "2026-03-02T10:00:00Z")
    with pytest.raises(BusyError):
        do(service, late)
    assert (service.done(), ledger.standing(EFFECT.key)) == ([], (2, ELSEWHERE))


def test_what_is_done_cannot_be_claimed_though_somebody_said_it_did_not_happen(git: Git) -> None:
    ledger = Ledger(git)
    ledger.claim(ELSEWHERE)
    ledger.absent(Absence(EFFECT.key, AT, "olga@x.example"), of=1)
    ledger.receipt(Receipt(EFFECT.key, "done", HowKnown.ACTED, AT))
    assert ledger.claim(ELSEWHERE) == 0


@pytest.mark.parametrize(("alive", "told"), [(True, BusyError), (None, TransientError)])
@pytest.mark.parametrize("happened", [True, False])
def test_the_operators_word_waits_while_a_worker_acts(
    git: Git, alive: bool | None, told: type[AiosError], happened: bool
) -> None:
    ledger = Ledger(git)
    ledger.claim(ELSEWHERE)
    with pytest.raises(told):
        settle(ledger, EFFECT.key, happened=happened, url="", now=AT, by="olga", alive=lambda _: alive)
    assert ledger.standing(EFFECT.key) == (1, ELSEWHERE)


def test_who_is_suppressed_after_a_claim_gets_no_mail_from_whoever_takes_it_over(git: Git, tmp_path: Path) -> None:
    """The worker died between its claim and its act; meanwhile the recipient left the list."""
    post, effect = Post(tmp_path / "sent", knows=True), letter(2)
    first, second = acts = pieces(effect)
    ledger = Ledger(git)
    ledger.claim(replace(ELSEWHERE, key=first.key, target=first.target))

    def left(part: Effect) -> str:
        return "unsubscribed" if part.key == first.key else ""

    here = replace(desk(git), now=lambda: "2026-03-02T10:00:00Z", turn="1")
    keys = {act.key for act in acts}
    tally = execute_parts(acts, post, here, approved=keys, approved_commit="0" * 40, withheld=left)
    assert (str(tally), list(post.sent())) == ("1 of 2 done; 1 withheld", [second.key])
    assert (ledger.unsettled(), ledger.stands(first.key)) == ([], False)


def test_who_is_suppressed_while_it_is_looked_up_gets_no_mail(git: Git, tmp_path: Path) -> None:
    closed: list[str] = []
    service = Meeting(tmp_path / "sent", in_lookup=lambda: closed.append("complained"))
    with pytest.raises(WithheldError, match="complained"):
        do(service, replace(desk(git), objection=lambda _: "".join(closed), turn="1"))
    assert (service.done(), Ledger(git).unsettled()) == ([], [])
    ended = Ledger(git).ended(EFFECT.key, "1")
    assert ended is not None
    assert ended.end == "withheld"


def test_an_objection_that_cannot_be_known_leaves_no_claim(git: Git, tmp_path: Path) -> None:
    asked: list[str] = []

    def unreadable(_: Effect) -> str:
        asked.append("")
        if len(asked) > 1:
            raise HeldError("a record cannot be read")
        return ""

    service = Service(tmp_path / "sent")
    with pytest.raises(HeldError):
        do(service, replace(desk(git), objection=unreadable))
    assert (service.done(), Ledger(git).unsettled()) == ([], [])
