"""A scripted day: the schedule fires, agents propose, the operator edits and merges, the piece is published; the
monitor proposes a refresh, the operator rejects it with a reason, and the next proposal brings what that teaches."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.actions import day
from tests.actions.company import BEGIN, NEXT, PUBLISH, REFRESH, Services, found, services
from tests.actions.compare import differences
from tests.actions.expressions import Expressions
from tests.actions.hub import Hub
from tests.actions.hub.server import serving
from tests.actions.kills import Kills
from tests.actions.on_github import MARA, REPOSITORY, OnGitHub, on_github
from tests.actions.on_one_machine import OneMachine

pytestmark = pytest.mark.peer("actions")

PUBLISHED = {f"publish {PUBLISH}": 1, f"publish {NEXT}": 1}
# Permissions that the files give for what this day had no need of; each with what needs it.
SPARE: dict[str, dict[str, str]] = {}


@pytest.fixture(scope="module")
def reached() -> Iterator[Services]:
    with services() as running:
        yield running


@pytest.fixture(scope="module")
def one_machine(tmp_path_factory: pytest.TempPathFactory, reached: Services) -> dict[str, str]:
    """Canonical state at the end of the same day on one machine."""
    root = tmp_path_factory.mktemp("one") / "fernwerk"
    found(root, reached)
    place = OneMachine(root, BEGIN)
    for part in day.PARTS:
        part(place)
    assert reached.blog.done == PUBLISHED
    return place.tree()


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    made = Hub(tmp_path, REPOSITORY, MARA, lambda: BEGIN)
    with serving(made):
        yield made


def test_the_day_on_github_ends_with_what_it_ends_with_on_one_machine(
    tmp_path: Path, hub: Hub, expressions: Expressions, one_machine: dict[str, str], reached: Services
) -> None:
    reached.begin_anew()
    place = on_github(tmp_path, reached, hub, expressions, methods=("squash", "rebase"))
    for part in day.PARTS:
        part(place)
    assert reached.blog.done == PUBLISHED
    require_the_day(place)
    assert differences(one_machine, place.tree()) == []
    assert place.spare() == SPARE
    assert place.spare_secrets() == {}


def test_the_day_survives_the_loss_of_each_job_and_spreads_what_is_long(
    tmp_path: Path, hub: Hub, expressions: Expressions, one_machine: dict[str, str], reached: Services
) -> None:
    reached.begin_anew()
    kills = Kills(int(os.environ.get("AIOS_KILLS", "6")), times=1)
    place = on_github(tmp_path, reached, hub, expressions, methods=("merge",), fan_out=2, kills=kills)
    for part in day.PARTS:
        part(place)
    assert reached.blog.done == PUBLISHED, kills.done
    require_the_day(place)
    assert differences(one_machine, place.tree()) == [], kills.done
    assert {"shard", "join"} <= {job for run in place.runs for job in run.jobs if run.result(job) == "success"}


def require_the_day(place: OnGitHub) -> None:
    """Each proposal once, none said twice; what was rejected is closed with its reason; every effect has a receipt."""
    hub = place.hub
    subjects = [pull.branch.rpartition("/")[2] for pull in hub.pulls.values()]
    assert sorted(subjects) == sorted([PUBLISH, REFRESH, NEXT])
    for pull in hub.pulls.values():
        ours = [each for each in pull.comments if each.author == hub.bot]
        assert len({each.body for each in ours}) == len(ours)
    rejected = next(pull for pull in hub.pulls.values() if pull.branch.endswith(REFRESH))
    assert (rejected.state, rejected.merged) == ("closed", None)
    receipts = hub.bare.git("log", "--format=%s", "refs/heads/aios/ledger").splitlines()
    assert len([each for each in receipts if each.startswith("receipt: done")]) == 2
    lessons = [text for path, text in place.tree().items() if path.startswith("memory/lessons/not-while-the")]
    assert len(lessons) == 1
    assert "refresh-content/free-trial-length" in lessons[0]
    hub.bare.git("fsck", "--strict", "--no-dangling")
    assert hub.problems == []
    assert place.actions.problems == []
