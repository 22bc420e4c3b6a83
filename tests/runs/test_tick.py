"""What is due is started once, however often and from however many places it is asked."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from aios.runs.conductor import carry_on
from aios.runs.inbox import items
from aios.runs.schedule import Firing, Occurred, due_triggers, latest
from aios.runs.tick import due_now, start_due, timers
from tests.runs import house

SCHEDULED = house.WORKFLOW.replace(
    "on: {manual: {}}",
    'on:\n  schedule: {cron: "0 6 * * 1", timezone: Europe/Berlin, inputs: {topic: A fine topic}}\n'
    "  signal: {name: topic-opportunity}\n  event: {type: content.requested}",
)


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return house.found(tmp_path_factory.mktemp("scheduled") / "company", workflow=SCHEDULED)


@pytest.fixture
def root(template: Path, tmp_path: Path) -> Path:
    return shutil.copytree(template, tmp_path / "company")


def nothing(_: str) -> None:
    return


def test_a_schedule_that_was_missed_is_started_once_and_only_its_latest_time(root: Path) -> None:
    here = house.context(root, later=timedelta(days=20))
    with here.git:
        due = due_now(here, ())
        assert [firing.at for firing in due] == ["2026-11-16T05:00:00Z"]
        assert len(start_due(here, due, nothing)) == 1
        assert due_now(here, ()) == []
        assert start_due(here, due, nothing) == start_due(here, due, nothing)


def test_ticks_at_the_same_moment_start_one_run(root: Path) -> None:
    here = house.context(root, later=timedelta(days=20))
    with here.git:
        due = due_now(here, ())
    children = []
    for _ in range(4):
        pid = os.fork()
        if pid == 0:
            try:
                start_due(house.context(root, later=timedelta(days=20)), due, nothing)
            finally:
                os._exit(0)
        children.append(pid)
    for pid in children:
        os.waitpid(pid, 0)
    with here.git:
        log = here.git.text("log", "--format=%s", "aios/write-piece/a-fine-topic", "--not", "main")
    assert log.splitlines() == ["run.started: write-piece on a-fine-topic"]


def test_an_open_signal_becomes_a_run_with_its_inputs(root: Path) -> None:
    signals = root / "state/signals"
    signals.mkdir()
    (signals / "topic-x.yaml").write_text(
        "schema: signal.v1\nname: topic-opportunity\ninputs: {topic: Wanted by readers}\nwhy: 12 searches\n"
        "raised: 2026-11-02T08:00:00Z\nstatus: open\n"
    )
    house_git(root, "add", "-A")
    house_git(root, "commit", "-qm", "a signal")
    here = house.context(root)
    with here.git:
        due = [firing for firing in due_now(here, ()) if firing.kind == "signal"]
        assert [firing.inputs for firing in due] == [{"topic": "Wanted by readers"}]
        assert due[0].why == "12 searches"
        assert start_due(here, due, nothing)[0].startswith("write-piece/wanted-by-readers/")


def test_a_wait_that_is_over_goes_on(root: Path) -> None:
    here = house.context(root)
    with here.git:
        run = house.start(here)
        carry_on(here, run)
        from aios.runs.gate import approve

        approve(here, run)
        assert carry_on(here, run, effects=True).until
        waiting = items(here, [run])
        assert timers(waiting, here.now()) == []
        late = replace(here, clock=lambda: house.START + timedelta(hours=2))
        assert timers(items(late, [run]), late.now()) == [run]


def test_one_that_cannot_be_started_is_told_and_holds_nothing_up(root: Path) -> None:
    here = house.context(root)
    said: list[str] = []
    good = Firing("write-piece", "signal", "k1", house.TRIGGER["at"], {"topic": "Good one"}, "")
    bad = Firing("write-piece", "signal", "k2", house.TRIGGER["at"], {"topic": "x"}, "")
    with here.git:
        assert len(start_due(here, [bad, good], said.append)) == 1
    assert "was not started" in said[0]


@pytest.mark.parametrize(
    ("now", "due"),
    [
        ("2026-03-29T04:00:00+00:00", "2026-03-29T01:00:00+00:00"),  # 02:30 does not exist that night
        ("2026-10-25T04:00:00+00:00", "2026-10-25T01:30:00+00:00"),  # 02:30 happens twice that night
    ],
)
def test_the_nights_when_clocks_change_have_one_occurrence(now: str, due: str) -> None:
    from datetime import datetime

    moment = datetime.fromisoformat(now)
    found = latest("30 2 * * *", "Europe/Berlin", now=moment, since=moment - timedelta(days=1))
    assert found is not None
    assert abs((found - datetime.fromisoformat(due)).total_seconds()) <= 3600


def test_known_keys_are_never_due_again(root: Path) -> None:
    here = house.context(root, later=timedelta(days=20))
    with here.git:
        due = due_now(here, ())
        assert due_now(here, [firing.key for firing in due]) == []


def test_an_event_is_due_for_the_workflow_that_waits_for_it(root: Path) -> None:
    here = house.context(root)
    with here.git:
        from aios.runs.definitions import load

        workflow = load(here, "write-piece", here.git.commit("main")).workflow
    event = Occurred("abc", "content.requested", "2026-11-02T08:00:00Z", {"inputs": {"topic": "Asked for"}})
    due = due_triggers([workflow], now="2026-11-02T09:00:00Z", since="2026-11-02T08:30:00Z", events=[event])
    assert [(firing.kind, firing.inputs) for firing in due] == [("event", {"topic": "Asked for"})]


def house_git(root: Path, *arguments: str) -> None:
    import subprocess

    subprocess.run(["git", "-c", "user.name=Me", "-c", "user.email=me@test.example", *arguments], cwd=root, check=True)
