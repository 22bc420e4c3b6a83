"""A scripted day: the schedule fires, agents propose, the operator edits and merges, the piece is published; the
monitor proposes a refresh, the operator rejects it with a reason, and the next proposal brings what that teaches."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.actions import day
from tests.actions.company import PUBLISHED, Services
from tests.actions.compare import differences
from tests.actions.expressions import Expressions
from tests.actions.hub import Hub
from tests.actions.on_github import on_github
from tests.actions.the_day import require_the_day

pytestmark = pytest.mark.peer("actions")

# Permissions that the files give and that this day had no need of; each with what needs it.
SPARE = {
    # Where another proposal is open while one is merged, it is pushed, shown and verified anew.
    "aios-apply.yml/refresh": {
        "contents": "write, used read",
        "pull_requests": "write, used none",
        "statuses": "write, used none",
    },
    # `/aios revise` makes a new head, which gets its status.
    # `/aios confirm` after a merge starts what applies it.
    "aios-run.yml/listen": {"statuses": "write, used none", "actions": "write, used none"},
}
# Every key that a job is given is one that its steps need.
SPARE_KEYS: dict[str, list[str]] = {}


def test_the_day_on_github_ends_with_what_it_ends_with_on_one_machine(
    tmp_path: Path, fernwerk: Hub, expressions: Expressions, one_machine: dict[str, str], reached: Services
) -> None:
    reached.begin_anew()
    place = on_github(tmp_path, reached, fernwerk, expressions, methods=("rebase", "squash"))
    for part in day.PARTS:
        part(place)
    assert reached.blog.done == PUBLISHED
    require_the_day(place)
    assert differences(one_machine, place.tree()) == []
    assert place.spare() == SPARE
    assert place.spare_secrets() == SPARE_KEYS
