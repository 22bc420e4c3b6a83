"""The day of `test_day`, in which the machine of each job is lost once."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.actions import day
from tests.actions.company import PUBLISHED, Services
from tests.actions.compare import differences
from tests.actions.expressions import Expressions
from tests.actions.hub import Hub
from tests.actions.kills import Kills
from tests.actions.on_github import on_github
from tests.actions.the_day import require_the_day

pytestmark = [pytest.mark.peer("actions"), pytest.mark.thorough]


def test_the_day_survives_the_loss_of_each_job_and_spreads_what_is_long(
    tmp_path: Path, fernwerk: Hub, expressions: Expressions, one_machine: dict[str, str], reached: Services
) -> None:
    reached.begin_anew()
    kills = Kills(int(os.environ.get("AIOS_KILLS", "6")), times=1)
    place = on_github(tmp_path, reached, fernwerk, expressions, methods=("merge",), fan_out=2, kills=kills)
    for part in day.PARTS:
        part(place)
    assert reached.blog.done == PUBLISHED, kills.done
    require_the_day(place)
    assert differences(one_machine, place.tree()) == [], kills.done
    assert {"shard", "join"} <= {job for run in place.runs for job in run.jobs if run.result(job) == "success"}
