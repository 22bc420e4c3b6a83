"""What one job hands to the next: nothing finished is lost, nothing is believed, and a job that is run again gives the
same."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from aios.connectors.drift import Drift, Folder, drift_of
from aios.connectors.shapes import Change, Kind
from aios.domain.agent import AgentCall, AgentReply, Tools
from aios.domain.handoff import Stage
from aios.domain.names import SIGNALS
from aios.domain.run import RunStatus
from aios.errors import InvalidError
from aios.runs import jobs
from aios.runs.conductor import carry_on
from aios.runs.context import Context
from aios.runs.handing_over import BUNDLE, HANDOFF, read, receive
from aios.runs.session import read_state
from tests.kills import dies_at
from tests.runs import house
from tests.runs.chain import READING, Chain, branch, reading


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return house.found(tmp_path_factory.mktemp("handing") / "company", workflow=READING)


@pytest.fixture
def root(template: Path, tmp_path: Path) -> Path:
    return shutil.copytree(template, tmp_path / "company")


@pytest.fixture
def chain(root: Path, tmp_path: Path) -> Chain:
    return Chain(root, tmp_path / "jobs")


@pytest.fixture(scope="module")
def collected_once(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where a collect job was, for tests that spoil what it left. Copy it; do not change it."""
    folder = tmp_path_factory.mktemp("collected") / "jobs"
    chain = Chain(template, folder)
    chain.plan()
    chain.collect()
    return folder


@pytest.fixture
def collected(collected_once: Path, template: Path, tmp_path: Path) -> Chain:
    return Chain(template, shutil.copytree(collected_once, tmp_path / "spoilt"))


def test_a_job_moves_no_ref_of_its_clone(chain: Chain) -> None:
    chain.plan()
    chain.collect()
    chain.agent()
    for name in ("collect", "agent"):
        refs = subprocess.run(
            ["git", "for-each-ref", "--format=%(refname)"],
            cwd=chain.folder / "clones" / name,
            check=True,
            capture_output=True,
            text=True,
        ).stdout.split()
        assert refs == ["refs/heads/main", "refs/remotes/origin/HEAD", "refs/remotes/origin/main"]


def test_a_job_that_is_run_again_gives_the_same_bytes(chain: Chain) -> None:
    chain.plan()
    made = []
    for _ in range(2):
        chain.collect()
        chain.agent()
        files = sorted(path for name in ("collected", "work") for path in (chain.folder / name).rglob("*.*"))
        head = read(chain.folder / "work/0", chain.given()[0]).head
        made.append(([path.name for path in files], head, (chain.folder / "collected/0" / BUNDLE).read_bytes()))
    assert made[0] == made[1]


def test_killed_anywhere_and_run_again_in_a_fresh_clone_the_same_is_handed_over(
    collected: Chain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (order,) = collected.given()

    def work(out: Path, checkpoint: Callable[[str], None]) -> jobs.Report:
        here = replace(collected.clone("kill"), checkpoint=checkpoint)
        with here.git:
            return jobs.work(here, order, Stage.AGENT, received=collected.folder / "collected/0", out=out)

    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))  # what a kill leaves there goes with the test's own
    passed: list[str] = []
    work(tmp_path / "whole", passed.append)
    whole = read(tmp_path / "whole/0", order).head
    assert len(passed) > 8
    for boundary in range(1, len(passed) + 1, 3):
        assert dies_at(tmp_path / "again", boundary, work)
        assert not (tmp_path / "again/0" / HANDOFF).exists()
        work(tmp_path / "again", lambda _: None)
        assert read(tmp_path / "again/0", order).head == whole
        shutil.rmtree(tmp_path / "again")


def failing(call: AgentCall, tools: Tools) -> AgentReply:
    if call.step == "dig" and call.item == 2:
        raise RuntimeError("out of paper")
    return house.scout(call, tools)


def test_what_was_finished_before_a_step_failed_is_handed_over(root: Path, tmp_path: Path) -> None:
    chain = Chain(
        root, tmp_path / "jobs", make=lambda place: reading(place, engines={**house.ENGINES, "scout": failing})
    )
    chain.plan()
    chain.collect()
    (report,) = chain.agent()
    assert (report.status, report.failed) == ("failed", False)
    assert chain.propose()[0].status is RunStatus.FAILED
    here = reading(root)
    with here.git:
        state = read_state(here.git, house.RUN_ID, main="main")
        assert list(state.steps["dig"].items) == [0, 1, 2]
        assert chain.plan().orders == ()  # it waits for a person
        assert carry_on(here, house.RUN_ID, retry=True, stage=Stage.PROPOSE).stage == "agent"
    assert [order.stages for order in chain.plan().orders] == [("agent", "propose")]


def test_what_was_finished_before_the_job_was_ended_is_handed_over(chain: Chain) -> None:
    chain.plan()
    chain.collect()
    (order,) = chain.given()

    def heard(progress):  # type: ignore[no-untyped-def]
        if progress.step == "dig" and progress.state == "succeeded":
            raise KeyboardInterrupt

    here = replace(chain.clone("agent"), report=heard)
    with here.git, pytest.raises(KeyboardInterrupt):
        jobs.work(here, order, Stage.AGENT, received=chain.folder / "collected/0", out=chain.folder / "work")
    chain.propose()
    with reading(chain.root).git as git:
        steps = read_state(git, house.RUN_ID, main="main").steps
    assert steps["plan"].items[None].last is not None
    assert steps["dig"].items[0].last is not None
    assert [each.stage for each in chain.round()] == ["collect"]
    assert [each.status for each in chain.round()] == [RunStatus.WAITING]


def test_what_goes_wrong_with_one_order_is_told_and_handed_over_as_far_as_it_came(collected: Chain) -> None:
    (order,) = collected.given()

    def broken(_: object) -> dict[str, object]:
        raise ZeroDivisionError("a bug")

    here = replace(collected.clone("agent"), connectors=broken)  # type: ignore[arg-type]
    with here.git:
        told = jobs.work(
            here, order, Stage.AGENT, received=collected.folder / "collected/0", out=collected.folder / "work"
        )
    assert "ZeroDivisionError: a bug" in told.bug
    assert read(collected.folder / "work/0", order).head == read(collected.folder / "collected/0", order).head


def _other(chain: Chain, change: Callable[[dict[str, str]], object]) -> None:
    file = chain.folder / "collected/0" / HANDOFF
    data = json.loads(file.read_text())
    change(data)
    file.write_text(json.dumps(data))


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda data: data.update(run="write-piece/other/01m6dqs9m0ky3d10c89hypb6hf"), "another order"),
        (lambda data: data.update(tip="0" * 40), "another order"),
        (lambda data: data.update(head=data["main"]), "other commits"),
        (lambda data: data.update(stage="night"), "unknown stage"),
        (lambda data: data.update(more="x"), "fields"),
        (lambda data: data.update(head=7), "no text"),
        (lambda data: data.pop("traces"), "fields"),
    ],
)
def test_a_handoff_that_is_not_of_the_order_is_not_used(
    collected: Chain, change: Callable[[dict[str, str]], object], why: str
) -> None:
    _other(collected, change)
    (report,) = collected.agent()
    assert why in report.wrong
    assert not (collected.folder / "work/0" / HANDOFF).exists()


def test_a_head_that_does_not_build_on_the_order_is_not_used(chain: Chain) -> None:
    chain.plan()
    chain.collect()
    (order,) = chain.given()
    here = reading(chain.root)
    with here.git as git:
        git.run("commit-tree", "-m", "x", "main^{tree}")
        other = git.text("commit-tree", "-m", "beside", "main^{tree}")
        moved = replace(order, main=other)
        _other(chain, lambda data: data.update(main=other))
        with pytest.raises(InvalidError, match="does not build on the order's tip"):
            receive(git, moved, chain.folder / "collected/0")


def test_drift_that_a_read_saw_goes_on_record_whatever_becomes_of_the_run(root: Path, tmp_path: Path) -> None:
    seen = Drift("site", "numbers.read", "evolve", (Change("number", Kind.MISSING),), {"missing number": "3 of 3"})

    def make(place: Path) -> Context:
        folder = Folder(place / ".aios/drift")
        if place.name == "collect":
            folder.add(seen)
        return reading(place, drift=folder)

    chain = Chain(root, tmp_path / "jobs", make=make)
    chain.plan()
    chain.collect()
    chain.agent()
    chain.propose()
    assert branch(root, f"main:{SIGNALS}{seen.id}.yaml")


@pytest.mark.parametrize(
    "change",
    [
        {"connector": "../x"},
        {"changes": []},
        {"changes": [["a", "b", "c"]]},
        {"changes": [["a\n", "missing", ""]]},
        {"seen": {"other": "x"}},
        {"asks": "yes"},
        {"cursor": []},
        {"cursor": json.loads('{"a":' + "[" * 30 + "]" * 30 + "}")},
        {"more": 1},
    ],
)
def test_drift_that_is_none_is_refused(change: dict[str, object]) -> None:
    data: dict[str, object] = {
        "connector": "site",
        "capability": "numbers.read",
        "policy": "evolve",
        "changes": [["number", "missing", ""]],
        "seen": {},
        "cursor": None,
        "asks": True,
    }
    assert drift_of(data).id
    with pytest.raises(ValueError, match=r"."):
        drift_of(data | change)
