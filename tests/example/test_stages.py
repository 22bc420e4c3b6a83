"""The example company's work in stages, each in a clone of its own: the same commits as where one process does it."""

from __future__ import annotations

import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from aios.app import Company, found_company
from aios.example import DEMO_TOPIC, write_traffic
from aios.runs.conductor import carry_on
from aios.runs.context import Context
from aios.runs.schedule import Firing
from aios.runs.start import start_run
from tests.runs.chain import Chain, branch

NOW = datetime(2026, 8, 3, 9, 0, tzinfo=UTC)
AT = "2026-08-03T09:00:00Z"
NOTES = "# What a customer told us\n\nRaising prices for existing customers without a note loses one in ten of them.\n"
PUBLISH = Firing("publish-content", "manual", "a", AT, {"topic": DEMO_TOPIC, "sources": ["inbox/told.md"]}, "a test")
WATCH = Firing("watch-content", "manual", "b", AT, {}, "a test")


def context(root: Path) -> Context:
    """The company as a job finds it: its traffic lies beside the clone, and git knows somebody."""
    for name, value in (("user.name", "Mara"), ("user.email", "mara@fernwerk.example")):
        subprocess.run(["git", "config", name, value], cwd=root, check=True)
    write_traffic(root, NOW)
    return Company.find(root, clock=lambda: NOW).context


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("fernwerk") / "company"
    found_company(root, name="", email="", example=True)
    (root / "inbox").mkdir()
    (root / "inbox/told.md").write_text(NOTES)
    subprocess.run(["git", "add", "-A"], cwd=root, check=True)
    subprocess.run(["git", "commit", "-qm", "what we were told"], cwd=root, check=True)
    return root


def test_publishing_and_watching_in_stages_give_the_commits_of_one_go(template: Path, tmp_path: Path) -> None:
    root, twin = (shutil.copytree(template, tmp_path / name) for name in ("company", "twin"))
    alone = context(twin)
    with alone.git:
        for each in (PUBLISH, WATCH):
            carry_on(alone, start_run(alone, each.workflow, dict(each.inputs), trigger=each.trigger()))
    chain = Chain(root, tmp_path / "jobs", make=context)
    planned = chain.plan(asked=(PUBLISH, WATCH))
    assert [order.stages for order in planned.orders][:2] == [("collect", "agent", "propose")] * 2
    chain.collect()
    chain.agent()
    chain.propose()
    piece = f"aios/publish-content/{planned.orders[0].run.split('/')[1]}"
    assert branch(root, f"{piece}~1") == branch(twin, f"{piece}~1") != ""  # all that was made; the record tells seconds
    assert branch(root, "main^2~1") == branch(twin, "main^2~1") != ""
    for name in ("main", piece):
        assert files(root, name) == files(twin, name)


def files(root: Path, name: str) -> list[str]:
    """Every file of a branch with its content's id, but for the records of runs: those tell how long it took."""
    done = subprocess.run(["git", "ls-tree", "-r", name], cwd=root, check=True, capture_output=True, text=True)
    return [line for line in done.stdout.splitlines() if "state/runs/" not in line]
