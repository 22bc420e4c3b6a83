"""What is planned for a round of jobs: the same however often it is asked, one order a subject, and nothing written."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from aios.domain.agent import Tier
from aios.domain.handoff import Order, Stage
from aios.errors import InvalidError
from aios.runs import orders
from aios.runs.conductor import carry_on
from aios.runs.context import Context
from aios.runs.gate import approve
from aios.runs.revising import answer
from aios.runs.schedule import Firing, upcoming
from aios.runs.start import start_run
from aios.runs.syncing import adopt
from aios.runs.tick import due_now
from aios.store.remote import Remote
from tests.runs import house
from tests.runs.chain import ASKED, AT, READING

SCHEDULED = READING.replace(
    "on: {manual: {}}",
    'on:\n  schedule: {cron: "0 6 * * 1", timezone: Europe/Berlin, inputs: {topic: A fine topic}}\n'
    "  signal: {name: topic-opportunity}",
)
LATER = timedelta(days=20)


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return house.found(tmp_path_factory.mktemp("orders") / "company", workflow=SCHEDULED)


@pytest.fixture
def root(template: Path, tmp_path: Path) -> Path:
    return shutil.copytree(template, tmp_path / "company")


def context(root: Path, **changes: Any) -> Context:
    from tests.runs.chain import reading

    return reading(root, **changes)


def settled(here: Context) -> list[str]:
    """The keys of what the schedule would start, as if it had been."""
    return [firing.key for firing in due_now(here, ())]


def refs(root: Path) -> str:
    return subprocess.run(["git", "for-each-ref"], cwd=root, check=True, capture_output=True, text=True).stdout


def commit(root: Path, path: str, text: str) -> None:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(text)
    for command in (["add", "-A"], ["commit", "-qm", f"write {path}"]):
        subprocess.run(["git", *command], cwd=root, check=True)


def test_what_is_due_is_ordered_and_nothing_is_written(root: Path) -> None:
    here = context(root, later=LATER)
    with here.git:
        before = refs(root)
        found = orders.plan(here, known=())
        assert refs(root) == before
        (order,) = found.orders
        assert order.stages == ("collect", "agent", "propose")
        assert order.tip == ""
        assert (order.main, order.at) == (here.git.commit("main"), here.now())
        assert order.start["trigger"]["at"] == "2026-11-16T05:00:00Z"
        assert orders.plan(here, known=()) == found
        assert found.collects
        run = start_run(here, "write-piece", dict(order.start["inputs"]), trigger=dict(order.start["trigger"]))
        assert run == order.run


def test_what_was_begun_is_ordered_from_where_it_stands_and_starts_nothing(root: Path) -> None:
    here = context(root)
    with here.git:
        run = start_run(here, "write-piece", {"topic": "A fine topic"}, trigger=ASKED.trigger())
        carry_on(here, run, stage=Stage.COLLECT)
        (order,) = orders.plan(here, known=(), asked=[ASKED]).orders
        assert (order.run, order.start, order.stages) == (run, {}, ("agent", "propose"))
        assert order.tip == here.git.rev("aios/write-piece/a-fine-topic")


def test_what_waits_for_a_person_is_not_ordered_until_it_was_answered(root: Path) -> None:
    here = context(root, engines={**house.ENGINES, "scribe": house.asking})
    with here.git:
        run = start_run(here, "write-piece", {"topic": "A fine topic"}, trigger=ASKED.trigger())
        carry_on(here, run)
        assert orders.plan(here, known=settled(here)).orders == ()
        answer(here, run, text="left")
        assert [order.stages for order in orders.plan(here, known=settled(here)).orders] == [("agent", "propose")]
        carry_on(here, run)
        assert orders.plan(here, known=settled(here)).orders == ()  # a proposal waits for its merge


def test_a_wait_that_is_over_is_ordered_and_effects_are_not(root: Path) -> None:
    here = context(root)
    with here.git:
        run = start_run(here, "write-piece", {"topic": "A fine topic"}, trigger=ASKED.trigger())
        carry_on(here, run)
        approve(here, run)
        assert orders.plan(here, known=settled(here), unfinished=[run]).orders == ()
        carry_on(here, run, effects=True)
        assert orders.plan(here, known=settled(here), unfinished=[run]).orders == ()
        late = replace(here, clock=lambda: house.START + timedelta(hours=2))
        (order,) = orders.plan(late, known=settled(late), unfinished=[run]).orders
        assert (order.run, order.tip, order.start, order.stages) == (run, "", {}, ("agent", "propose"))


def test_a_subject_has_one_order_and_work_begun_stands_first(root: Path) -> None:
    here = context(root, later=LATER)
    other = replace(ASKED, key="other", inputs={"topic": "Another topic"})
    with here.git:
        run = start_run(here, "write-piece", {"topic": "A fine topic"}, trigger=ASKED.trigger())
        found = orders.plan(here, known=(), asked=[other, replace(other, key="third")])
        assert [order.run.split("/")[1] for order in found.orders] == ["a-fine-topic", "another-topic"]
        assert [order.id for order in found.orders] == ["0", "1"]
        assert found.orders[0].run == run
        assert len([line for line in found.told if "work on this subject already" in line]) == 1
        assert any("a run on this subject is open" in line for line in found.told)  # what the schedule would start


def test_what_is_too_much_for_one_round_waits_for_the_next_and_is_told(root: Path) -> None:
    here = context(root)
    asked = [replace(ASKED, key=str(number), inputs={"topic": f"Topic {number}"}) for number in range(5)]
    with here.git:
        found = orders.plan(here, known=settled(here), asked=asked, most=3)
        assert len(found.orders) == 3
        assert len([line for line in found.told if "next round" in line]) == 2
        assert len(orders.plan(here, known=[*settled(here), "0", "1", "2"], asked=asked, most=3).orders) == 2


def test_what_cannot_be_started_is_told_and_holds_nothing_up(root: Path) -> None:
    here = context(root)
    bad = replace(ASKED, key="bad", inputs={"topic": "x"})
    gone = Firing("no-such-workflow", "signal", "gone", AT, {}, "a signal")
    odd = replace(ASKED, key="odd", problem="its inputs cannot be made")
    with here.git:
        found = orders.plan(here, known=settled(here), asked=[bad, gone, odd, ASKED])
        assert [order.run for order in found.orders] == [house.RUN_ID]
        assert len(found.told) == 3


def test_a_broken_definition_is_told_with_its_findings_and_a_run_that_needs_it_waits(root: Path) -> None:
    here = context(root)
    with here.git:
        start_run(here, "write-piece", {"topic": "A fine topic"}, trigger=ASKED.trigger())
        broken = replace(here, connectors=lambda _: {})
        found = orders.plan(broken, known=settled(here))
        assert found.orders == ()
        assert "cannot go on" in found.told[0]
        assert "numbers.read" in found.told[0]


def test_where_no_more_may_be_spent_only_what_asks_no_model_is_started(root: Path) -> None:
    commit(root, "state/agents/scribe.yaml", house.AGENT.format(name="scribe").replace("offline", Tier.SMALL.value))
    here = context(root)
    with here.git:
        found = orders.plan(here, known=settled(here), asked=[ASKED], broke="the limit of the day is reached")
        assert found.orders == ()
        assert "the limit of the day is reached" in found.told[0]
        assert len(orders.plan(here, known=settled(here), asked=[ASKED]).orders) == 1


def test_spending_has_reached_a_limit_where_it_is_not_below_it() -> None:
    costs = {"today": {"usd": 1.0, "tokens": 5, "limit_usd": 2.0, "limit_tokens": None}}
    assert orders.spent_out(costs) == ""
    assert orders.spent_out({}) == ""
    assert "1.0 of 1.0 USD" in orders.spent_out({"today": costs["today"] | {"limit_usd": 1.0}})
    assert "of the month" in orders.spent_out({"month": {"usd": 0, "tokens": 9, "limit_usd": None, "limit_tokens": 9}})


def test_fetched_branches_are_adopted_but_never_over_work_of_ones_own(root: Path, tmp_path: Path) -> None:
    with context(root).git:
        run = start_run(context(root), "write-piece", {"topic": "A fine topic"}, trigger=ASKED.trigger())
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", str(root), str(clone)], check=True)
    for name, value in (("user.name", "Me"), ("user.email", "me@test.example")):
        subprocess.run(["git", "config", name, value], cwd=clone, check=True)
    here = context(clone)
    here = replace(here, remote=Remote(here.git, "origin"))
    with here.git:
        assert orders.plan(here, known=settled(here)).orders == ()
        adopt(here)
        assert [order.run for order in orders.plan(here, known=settled(here)).orders] == [run]
        carry_on(here, run, stage=Stage.COLLECT)  # here only
        mine = here.git.rev("aios/write-piece/a-fine-topic")
        adopt(here)
        assert here.git.rev("aios/write-piece/a-fine-topic") == mine
        found = orders.plan(here, known=settled(here))
        assert found.orders == ()
        assert "`aios sync` first" in found.told[0]


def test_when_the_next_schedule_is_due_is_told(root: Path) -> None:
    here = context(root)
    with here.git:
        assert orders.plan(here, known=()).next == "2026-11-09T05:00:00Z"
    assert upcoming("0 6 * * *", "Europe/Berlin", now=house.START).isoformat() == "2026-11-03T05:00:00+00:00"  # type: ignore[union-attr]
    with pytest.raises(ValueError, match="no schedule"):
        upcoming("6 * *", "UTC", now=house.START)


def test_orders_are_read_back_as_they_were_written(root: Path, tmp_path: Path) -> None:
    here = context(root)
    with here.git:
        found = orders.plan(here, known=(), asked=[ASKED])
    orders.write(tmp_path / "out", found)
    assert orders.read(tmp_path / "out") == found.orders
    assert orders.only(found.orders, ["0"]) == found.orders
    with pytest.raises(InvalidError, match="no order 7"):
        orders.only(found.orders, ["7"])
    with pytest.raises(InvalidError, match="no orders in"):
        orders.read(tmp_path / "nowhere")


@pytest.fixture(scope="module")
def written(template: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    here = context(template)
    with here.git:
        return orders.write(tmp_path_factory.mktemp("written"), orders.plan(here, known=(), asked=[ASKED])).read_text()


def _order(data: dict[str, Any]) -> dict[str, Any]:
    return data["orders"][0]  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: data.pop("main"),
        lambda data: data.update(schema="orders.v2"),
        lambda data: data.update(main="main"),
        lambda data: _order(data).update(id="x"),
        lambda data: _order(data).update(id="../0"),
        lambda data: _order(data).update(run="a/b"),
        lambda data: _order(data).update(run="write-piece/../01m6dqs9m0ky3d10c89hypb6hf"),
        lambda data: _order(data).update(tip="HEAD"),
        lambda data: _order(data).update(stages=["apply"]),
        lambda data: _order(data).update(stages=[]),
        lambda data: _order(data).update(start={"workflow": "write-piece"}),
        lambda data: _order(data).update(more=1),
        lambda data: _order(data).update(main="0" * 40),
        lambda data: data["orders"].append(_order(data)),
        lambda data: data["orders"].append(_order(data) | {"id": "1"}),
    ],
)
def test_orders_that_we_could_not_have_written_are_refused(
    written: str, tmp_path: Path, spoil: Callable[[dict[str, Any]], object]
) -> None:
    data = json.loads(written)
    spoil(data)
    (tmp_path / "orders.json").write_text(json.dumps(data))
    with pytest.raises(InvalidError, match="not in order"):
        orders.read(tmp_path)


@pytest.mark.parametrize("text", ["", "[", "[]", '{"schema": "orders.v1", "schema": "orders.v1"}', "[" * 100_000])
def test_what_is_no_json_of_ours_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "orders.json").write_text(text)
    with pytest.raises(InvalidError, match="not in order"):
        orders.read(tmp_path)


def test_an_order_says_all_that_a_job_must_know() -> None:
    order = Order("0", house.RUN_ID, "0" * 40, "", ("agent",), {}, AT)
    assert set(order.as_dict()) == {"schema", "id", "run", "main", "tip", "stages", "start", "at"}
