"""What models may cost is held: before a call, after it, by all processes together, and whatever becomes of them."""

from __future__ import annotations

import os
import sqlite3
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from aios.domain.event import EventNote, render_message
from aios.domain.model import Listen, Message, ModelReply, Request, Role, Terms, Usage
from aios.errors import AiosError, OverBudgetError, TransientError
from aios.llm.budget import Budgeted, Limits
from aios.llm.past import quality, told_since
from aios.llm.spending import Amount, Past, Spending
from aios.runs.worker import Workers
from aios.store.git import Git

NOON = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)
TERMS = Terms(run="w/s/1", step="write", agent="scribe")
ASK = Request((Message(Role.USER, "x" * 3_000),), max_tokens=1_000, terms=TERMS)  # about 1,008 + 1,000 tokens


@dataclass
class Priced:
    """A dollar for a thousand tokens, either way."""

    name: str = "tiny"
    used: Usage = field(default_factory=lambda: Usage(500, 250))
    price: float | None = 0.001
    fails: Exception | None = None
    heard: int = 0
    calls: int = 0

    def cost(self, usage: Usage) -> float | None:
        return None if self.price is None else usage.total * self.price

    def complete(self, request: Request, listen: Listen) -> ModelReply:
        self.calls += 1
        if self.heard:
            listen(self.heard)
        if self.fails:
            raise self.fails
        return ModelReply("yes", usage=self.used, model=self.name)


def spending(
    folder: Path, at: datetime = NOON, *, zone: str = "UTC", past: Iterable[Past] = (), worker: str = "here:1"
) -> Spending:
    return Spending(
        folder / "spending.sqlite",
        lambda: at,
        ZoneInfo(zone),
        lambda: worker,
        lambda each: each == worker,
        lambda: past,
    )


def ask(model: Priced, spent: Spending, limits: Limits, request: Request = ASK) -> ModelReply:
    return Budgeted(model, spent, limits).complete(request, lambda _: None)


def test_a_call_is_settled_by_what_it_cost(tmp_path: Path) -> None:
    spent = spending(tmp_path)
    ask(Priced(), spent, Limits())
    sums = spent.sums(TERMS)
    assert sums.day == sums.month == sums.run == sums.step == Amount(0.75, 750)
    assert spent.sums(replace(TERMS, step="edit")).step == Amount()


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        (Limits(day_usd=2.5), "0.75 of 2.50 USD are spent today, and one more call to tiny could cost 2.01 USD"),
        (Limits(day_tokens=2_500), "750 of 2,500 tokens are spent today"),
        (Limits(month_usd=2.5), "0.75 of 2.50 USD are spent this month"),
        (Limits(month_tokens=2_500), "750 of 2,500 tokens are spent this month"),
    ],
)
def test_what_a_call_could_cost_must_fit_into_what_is_left(tmp_path: Path, limits: Limits, said: str) -> None:
    model, spent = Priced(), spending(tmp_path)
    ask(model, spent, limits)
    with pytest.raises(OverBudgetError) as caught:
        ask(model, spent, limits)
    assert said in caught.value.message
    assert "tiers.limits" in caught.value.hint
    assert (model.calls, spent.sums().day) == (1, Amount(0.75, 750))


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        (Limits(call_usd=2.0), "one call to tiny could cost 2.01 USD, and the limit for a call is 2.00 USD"),
        (Limits(call_tokens=2_000), "could cost 2,008 tokens"),
    ],
)
def test_a_single_call_has_its_limit(tmp_path: Path, limits: Limits, said: str) -> None:
    with pytest.raises(OverBudgetError, match=said):
        ask(Priced(), spending(tmp_path), limits)


def test_a_run_stops_once_its_budget_is_spent(tmp_path: Path) -> None:
    model, spent = Priced(), spending(tmp_path)
    granted = replace(ASK, terms=replace(TERMS, run_usd=1.0))
    ask(model, spent, Limits(), granted)
    ask(model, spent, Limits(), replace(granted, terms=replace(granted.terms, step="edit")))
    with pytest.raises(OverBudgetError, match=r"this run has spent 1\.50 USD and 1,500 tokens"):
        ask(model, spent, Limits(), granted)
    ask(model, spent, Limits(), replace(granted, terms=replace(granted.terms, run="w/other/2")))
    assert model.calls == 3


def test_a_day_begins_where_the_company_is(tmp_path: Path) -> None:
    late = datetime(2026, 10, 31, 22, 30, tzinfo=UTC)  # half past eleven in Berlin, on the last of October
    ask(Priced(), spending(tmp_path, late, zone="Europe/Berlin"), Limits())
    for minutes, day, month in ((20, 0.75, 0.75), (40, 0.0, 0.0)):
        sums = spending(tmp_path, late + timedelta(minutes=minutes), zone="Europe/Berlin").sums()
        assert (sums.day.usd, sums.month.usd) == (day, month)


def test_the_operator_may_let_a_step_go_on_and_only_so_far(tmp_path: Path) -> None:
    limits, spent, model = Limits(day_usd=2.5), spending(tmp_path), Priced()
    ask(model, spent, limits)
    granted = replace(ASK, terms=replace(TERMS, grants=1))
    for _ in range(3):
        ask(model, spent, limits, granted)
    with pytest.raises(OverBudgetError):
        ask(model, spent, limits, granted)
    assert spent.sums().day.usd == 3.0
    with pytest.raises(OverBudgetError):
        ask(model, spent, limits, replace(ASK, terms=Terms(run="w/other/2", step="write")))


def test_a_limit_in_dollars_cannot_be_kept_without_a_price_and_that_is_asked(tmp_path: Path) -> None:
    model, spent = Priced(price=None), spending(tmp_path)
    with pytest.raises(OverBudgetError, match="the price of tiny is not known") as caught:
        ask(model, spent, Limits(month_usd=10.0))
    assert "`price`" in caught.value.hint
    ask(model, spent, Limits(month_usd=10.0, day_tokens=5_000), replace(ASK, terms=replace(TERMS, grants=1)))
    ask(model, spent, Limits(day_tokens=5_000))
    assert spent.sums().day == Amount(0.0, 1_500)


def test_who_had_begun_to_answer_is_counted_and_who_had_not_is_forgotten(tmp_path: Path) -> None:
    spent = spending(tmp_path)
    with pytest.raises(TransientError):
        ask(Priced(fails=TransientError("refused")), spent, Limits())
    assert spent.sums().day == Amount()
    with pytest.raises(TransientError):
        ask(Priced(fails=TransientError("broke off"), heard=400), spent, Limits())
    assert spent.sums().day.tokens == ASK.tokens + 101


def test_what_a_dead_process_reserved_counts_as_what_it_had_sent(tmp_path: Path) -> None:
    spending(tmp_path, worker="here:7").reserve(TERMS, "tiny", Amount(2.0, 2_000), Amount(1.0, 1_000), lambda _: None)
    assert spending(tmp_path, worker="here:7").sums().day == Amount(2.0, 2_000)
    assert spending(tmp_path, worker="here:8").sums().day == Amount(1.0, 1_000)


def test_a_reservation_that_nobody_can_look_after_counts_for_an_hour(tmp_path: Path) -> None:
    elsewhere = replace(spending(tmp_path), alive=lambda _: None)
    elsewhere.reserve(TERMS, "tiny", Amount(2.0, 2_000), Amount(1.0, 1_000), lambda _: None)
    assert elsewhere.sums().day.usd == 2.0
    assert replace(elsewhere, clock=lambda: NOON + timedelta(minutes=61)).sums().day.usd == 1.0


def test_processes_together_stay_within_the_limit(tmp_path: Path) -> None:
    def work() -> int:
        here = replace(spending(tmp_path), worker=lambda: f"here:{os.getpid()}", alive=lambda _: True)
        done = 0
        for _ in range(6):
            try:
                ask(Priced(), here, Limits(day_usd=6.0))
            except OverBudgetError:
                break
            done += 1
        return done

    done = 0
    with Workers() as workers:
        for number in range(6):
            workers.start(number, work, timeout=60)
        while workers.keys:
            for _, result in workers.wait():
                assert not result.error, result.bug
                done += result.value
    assert spending(tmp_path).sums().day == Amount(done * 0.75, done * 750)
    assert 1 <= done <= 8


def test_the_file_is_made_again_from_the_log(tmp_path: Path) -> None:
    past = [
        Past(NOON, "w/s/1", "write", "scribe@1", Amount(0.5, 100)),
        Past(NOON - timedelta(days=1), "w/s/1", "plan", "scout@1", Amount(0.25, 50)),
    ]
    sums = spending(tmp_path, past=past).sums(TERMS)
    assert (sums.day, sums.month, sums.run, sums.step) == (
        Amount(0.5, 100),
        Amount(0.75, 150),
        Amount(0.75, 150),
        Amount(0.5, 100),
    )


def test_a_damaged_file_stops_spending_and_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "spending.sqlite").write_bytes(b"no database at all, but long enough to be looked at" * 20)
    model = Priced()
    with pytest.raises(AiosError, match="cannot be counted") as caught:
        ask(model, spending(tmp_path), Limits())
    assert "delete it" in caught.value.hint
    assert model.calls == 0


def test_a_refused_reservation_leaves_the_file_free(tmp_path: Path) -> None:
    with pytest.raises(OverBudgetError):
        ask(Priced(), spending(tmp_path), Limits(day_usd=0.1))
    with sqlite3.connect(tmp_path / "spending.sqlite", timeout=0) as db:
        db.execute("BEGIN EXCLUSIVE")


def test_limits_are_read_as_the_company_writes_them() -> None:
    assert Limits.of({"day": {"usd": 5}, "month": {"tokens": 10}}) == Limits(day_usd=5, month_tokens=10)
    assert Limits.of(None) == Limits()


def committed(git: Git, *notes: EventNote) -> None:
    for note in notes:
        subprocess.run(
            ["git", "commit", "-q", "--allow-empty", "-m", render_message(note)], cwd=git.root, check=True, timeout=60
        )


def used(number: int, **usage: object) -> EventNote:
    told = {"agent": "scribe@1", "usd": 0.5, "input": 100, "output": 10, **usage}
    return EventNote("scribe.replied", "said", run="w/s/1", step="write", key=f"sha256:{number}", usage=told)


def test_the_log_tells_each_cost_once_on_whatever_branch(tmp_path: Path) -> None:
    with Git.init(tmp_path / "company") as git:
        for name, value in (("user.name", "Me"), ("user.email", "me@test.example")):
            subprocess.run(["git", "config", name, value], cwd=git.root, check=True)
        committed(git, used(1, tiers={"small": "right"}))
        subprocess.run(["git", "switch", "-qc", "aios/w/s"], cwd=git.root, check=True)
        committed(git, used(2, tiers={"small": "wrong", "large": "right"}), used(2), EventNote("note.taken", "no cost"))
        found = list(told_since(git, "2000-01-01T00:00:00+00:00"))
        assert [each.past.amount for each in found] == [Amount(0.5, 110)] * 2
        assert {(each.run, each.step, each.past.agent) for each in found} == {("w/s/1", "write", "scribe@1")}
        assert quality(iter(found), "scribe@1") == {"small": {"right": 1, "wrong": 0}}
        assert quality(iter(found), "scribe@2") == {}
