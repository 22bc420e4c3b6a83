"""`aios report compounding` on a company whose log holds a known series of runs."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from aios.domain.front_matter import render_yaml
from aios.errors import Exit
from tests.reports.series import runs
from tests.runs import house

CHEAPER = [1 - 0.06 * number for number in range(10)]
HOSTILE = 'write-piece/x"><script>alert(1)</script>/00000000000000000000000099'


def recorded(row: dict[str, Any]) -> dict[str, Any]:
    """A run's record as the proposal and the decision leave it."""
    return {
        "schema": "run.v1",
        "run": row["run"],
        "workflow": row["workflow"],
        "status": "done",
        "started": row["started"],
        "proposed": row["started"],
        "work": {
            **{name: row[name] for name in ("seconds", "usd", "calls", "read_kb", "words")},
            "tokens": {"input": row["tokens"], "output": 0},
            "avoided": {"calls": 0, "usd": 0.0},
            "pieces": [row["piece"]],
        },
        "reuse": {
            "passages": {"used": row["passages"], "held": row["held"]},
            "questions": {"asked": row["questions"], "searched": 0, "from_notes": row["from_notes"]},
        },
        "operator": {"decisions": 1, "revisions": 0, "waited": row["waited"], "characters": row["edited"]},
    }


@pytest.fixture(scope="module")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return house.found(tmp_path_factory.mktemp("founded") / "company")


@pytest.fixture
def company(founded: Path, tmp_path: Path) -> Callable[[Sequence[dict[str, Any]]], Path]:
    def made(rows: Sequence[dict[str, Any]]) -> Path:
        root = tmp_path / "company"
        subprocess.run(["cp", "-r", str(founded), str(root)], check=True)
        for number, row in enumerate(rows):
            path = root / f"state/runs/2026/01/{number:026d}.yaml"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(render_yaml(recorded(row)))
        subprocess.run(["git", "add", "-A"], cwd=root, check=True)
        subprocess.run(["git", "commit", "--allow-empty", "-qm", "runs"], cwd=root, check=True)
        return root

    return made


def report(root: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "aios", "report", "compounding", *arguments],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environment},
    )


@pytest.mark.parametrize(
    ("shape", "says"),
    [
        (CHEAPER, "It gets cheaper: over 10 runs"),
        (CHEAPER[::-1], "It gets dearer: over 10 runs"),
        ([1.0] * 10, "No trend: over 10 runs"),
        (CHEAPER[:3], "Too few runs to tell: 3 runs"),
    ],
)
def test_it_says_plainly_what_the_log_shows(
    company: Callable[[Sequence[dict[str, Any]]], Path], shape: list[float], says: str
) -> None:
    root = company(runs(shape))
    told = report(root)
    assert told.returncode == Exit.OK, told.stderr
    assert says in told.stdout
    assert "\x1b" not in told.stdout
    (data,) = json.loads(report(root, "--json").stdout)
    assert data["says"][0].startswith(says)
    assert [row["run"] for row in data["runs"]] == [row["run"] for row in runs(shape)]


def test_its_figures_can_be_asked_for_in_sql_and_leave_as_a_page(
    company: Callable[[Sequence[dict[str, Any]]], Path], tmp_path: Path
) -> None:
    rows = runs(CHEAPER)
    root = company([*rows, {**rows[0], "run": HOSTILE}])
    done = report(root, "--html", str(tmp_path / "page.html"), "--workflow", "publish-content", "--json")
    assert done.returncode == Exit.OK, done.stderr
    assert [each["workflow"] for each in json.loads(done.stdout)] == ["publish-content"]
    assert "It gets cheaper" in (tmp_path / "page.html").read_text()
    everything = report(root, "--html", str(tmp_path / "all.html"))
    assert "<script" not in (tmp_path / "all.html").read_text()
    assert everything.returncode == Exit.OK
    asked = subprocess.run(
        [sys.executable, "-m", "aios", "query", "--csv", "SELECT run, seconds, held, waited FROM work"],
        cwd=root,
        capture_output=True,
        text=True,
        check=True,
    )
    table = list(csv.DictReader(asked.stdout.splitlines()))
    assert len(table) == len(rows) + 1
    assert {float(each["seconds"]) for each in table} == {row["seconds"] for row in rows}


def test_an_unknown_workflow_and_an_empty_log_are_said(
    company: Callable[[Sequence[dict[str, Any]]], Path],
) -> None:
    root = company([])
    empty = report(root)
    assert (empty.returncode, empty.stdout) == (Exit.OK, "")
    assert "No run has come to a proposal yet." in empty.stderr
    assert json.loads(report(root, "--json").stdout) == []
    unknown = report(root, "--workflow", "nothing")
    assert unknown.returncode == Exit.USAGE
    assert "no run of `nothing` came to a proposal" in unknown.stderr
