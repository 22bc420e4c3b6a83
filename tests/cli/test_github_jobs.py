"""`aios github plan` and `aios github work` as jobs call them: fresh clones, outputs and a summary, nothing pushed."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from aios.app import Company, found_company
from aios.errors import Exit
from aios.example import DEMO_TOPIC, write_traffic
from aios.runs import orders
from aios.runs.schedule import Firing

AIOS = (sys.executable, "-m", "aios")


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("fernwerk") / "company"
    found_company(root, name="", email="", example=True)
    return root


@pytest.fixture
def root(template: Path, tmp_path: Path) -> Path:
    return shutil.copytree(template, tmp_path / "company")


def environment(folder: Path, **more: str) -> dict[str, str]:
    told = {"GITHUB_OUTPUT": str(folder / "output"), "GITHUB_STEP_SUMMARY": str(folder / "summary")}
    return os.environ | {"GITHUB_ACTIONS": "true", "GITHUB_RUN_ID": "77", **told, **more}


def clone(root: Path, place: Path) -> Path:
    subprocess.run(["git", "clone", "-q", str(root), str(place)], check=True)
    for name, value in (("user.name", "bot"), ("user.email", "bot@x.example")):
        subprocess.run(["git", "config", name, value], cwd=place, check=True)
    return place


def job(
    root: Path, folder: Path, *args: str, **more: str
) -> tuple[subprocess.CompletedProcess[str], dict[str, str], str]:
    """A command as a job of its own: in a fresh clone; what it said, its outputs, its summary."""
    folder.mkdir()
    place = clone(root, folder / "clone")
    if "collect" in args:
        write_traffic(place, datetime.now(UTC))
    done = subprocess.run(
        [*AIOS, *args], cwd=place, env=environment(folder, **more), capture_output=True, text=True, check=False
    )
    lines = (folder / "output").read_text().splitlines() if (folder / "output").exists() else []
    summary = (folder / "summary").read_text() if (folder / "summary").exists() else ""
    return done, dict(line.split("=", 1) for line in lines), summary


def dispatched(folder: Path, inputs: dict[str, str]) -> str:
    file = folder / "event.json"
    file.write_text(json.dumps({"inputs": inputs}))
    return str(file)


def test_from_a_dispatch_to_bundles(root: Path, tmp_path: Path) -> None:
    event = dispatched(tmp_path, {"workflow": "publish-content", "inputs": json.dumps({"topic": DEMO_TOPIC})})
    more = {"GITHUB_EVENT_PATH": event, "GITHUB_EVENT_NAME": "workflow_dispatch", "GITHUB_ACTOR": "mara"}
    before = subprocess.run(["git", "for-each-ref"], cwd=root, capture_output=True, text=True, check=True).stdout
    ordered, collected, made = (str(tmp_path / name) for name in ("orders", "collected", "made"))

    done, outputs, summary = job(root, tmp_path / "plan", "github", "plan", "--out", ordered, **more)
    assert done.returncode == Exit.OK, done.stderr
    assert (outputs["orders"], outputs["collect"], outputs["agents"]) == ("2", "true", "true")
    assert datetime.fromisoformat(outputs["next"]) > datetime.fromisoformat(outputs["at"])
    assert "asked for by mara" in summary
    assert "`37 5 * * *` (Europe/Berlin)" in done.stderr
    planned = json.loads((tmp_path / "orders/orders.json").read_text())["orders"]
    assert [each["run"].split("/")[0] for each in planned] == ["publish-content", "watch-content"]
    assert planned[0]["start"]["trigger"]["key"] == "dispatch:77"  # run again, the job asks for the same run

    stage = ("github", "work", "--stage", "collect", "--orders", ordered, "--out", collected)
    done, outputs, summary = job(root, tmp_path / "collect", *stage)
    assert done.returncode == Exit.OK, done.stderr
    assert list(json.loads(outputs.pop("digests"))) == ["1"]
    assert outputs == {"orders": "1", "again": "true", "shards": ""}
    assert "measure succeeded" in summary

    later = ("github", "work", "--stage", "agent", "--orders", ordered, "--from", collected, "--out", made)
    done, outputs, summary = job(root, tmp_path / "agent", *later)
    assert done.returncode == Exit.OK, done.stderr
    assert outputs.pop("digests")
    assert outputs == {"orders": "2", "again": "false", "shards": ""}
    assert "research succeeded 7 times" in summary
    assert sorted(path.name for path in Path(made).rglob("*.*")) == ["handoff.json"] * 2 + ["run.bundle"] * 2
    assert (
        subprocess.run(["git", "for-each-ref"], cwd=root, capture_output=True, text=True, check=True).stdout == before
    )


def test_a_job_that_is_cancelled_hands_over_what_it_has(root: Path, tmp_path: Path) -> None:
    out = tmp_path / "made"
    company = Company.find(root)
    with company.git:
        asked = Firing("publish-content", "manual", "a test", company.context.now(), {"topic": DEMO_TOPIC}, "a test")
        orders.write(tmp_path / "orders", orders.plan(company.context, known=(), asked=[asked]))
    place = clone(root, tmp_path / "clone")
    command = [
        *AIOS,
        "github",
        "work",
        "--stage",
        "agent",
        "--orders",
        str(tmp_path / "orders"),
        "--out",
        str(out),
        "--order",
        "0",
    ]
    with subprocess.Popen(command, cwd=place, env=environment(tmp_path), stderr=subprocess.PIPE, text=True) as work:
        assert work.stderr is not None
        said = next(line for line in work.stderr if "✓ plan" in line)
        work.send_signal(signal.SIGTERM)
        said += work.stderr.read()
    assert work.returncode == Exit.INTERRUPTED
    told = json.loads((out / "0/handoff.json").read_text())
    assert told["head"] != told["main"]
    assert (out / "0/run.bundle").exists()


@pytest.mark.parametrize(
    ("args", "why"),
    [
        (("--stage", "agent", "--orders", "nowhere"), "there are no orders in nowhere"),
        (("--stage", "collect", "--orders", "nowhere", "--shard", "1/2"), "for agents"),
        (("--stage", "agent", "--orders", "nowhere", "--join", "x"), "for agents"),
    ],
)
def test_a_wrong_call_says_what_to_do(root: Path, args: tuple[str, ...], why: str) -> None:
    done = subprocess.run(
        [*AIOS, "github", "work", *args, "--out", "out"], cwd=root, capture_output=True, text=True, check=False
    )
    assert done.returncode in {Exit.USAGE, Exit.FINDINGS}
    assert why in done.stderr
    assert not (root / "out").exists()


def test_the_inputs_of_a_dispatch_must_be_an_object(root: Path, tmp_path: Path) -> None:
    event = dispatched(tmp_path, {"workflow": "publish-content", "inputs": "[1]"})
    done, outputs, _ = job(root, tmp_path / "plan", "github", "plan", "--out", "o", GITHUB_EVENT_PATH=event)
    assert done.returncode == Exit.USAGE
    assert "no JSON object" in done.stderr
    assert outputs == {}
