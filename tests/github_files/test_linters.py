"""What judges workflow files elsewhere finds nothing in ours: neither in those of a company nor in this project's own.

Each judge is first seen to find what was planted: one that looks away would find nothing either.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from aios.example import github_files
from tests.github_files.conftest import written
from tests.peers.languageservice import bundle, told

ROOT = Path(__file__).parents[2]


def repository(folder: Path, files: dict[str, str]) -> Path:
    """A repository with these files, as auditors want one."""
    subprocess.run(["git", "init", "-q", str(folder)], check=True)
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    return folder


@pytest.fixture
def places(founded: Path, furnished: Path, tmp_path: Path) -> list[Path]:
    """The files of a company with nothing, of one with keys and schedules, and the project's own."""
    own = {
        path.relative_to(ROOT).as_posix(): path.read_text()
        for path in (ROOT / ".github").rglob("*.yml")
        if "operator" not in path.parts
    }
    assert ".github/workflows/ci.yml" in own
    every = {"bare": written(founded), "rich": written(furnished), "own": own}
    return [repository(tmp_path / name, files) for name, files in every.items()]


def workflows(place: Path) -> list[Path]:
    return sorted((place / ".github/workflows").glob("*.yml"))


def zizmor(place: Path) -> subprocess.CompletedProcess[str]:
    command = [
        "zizmor",
        "--offline",
        "--strict-collection",
        "--pedantic",
        "--no-progress",
        "--format",
        "plain",
        str(place),
    ]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


def schema(kind: str, files: Sequence[Path]) -> subprocess.CompletedProcess[str]:
    command = ["check-jsonschema", "--builtin-schema", f"vendor.{kind}", *map(str, files)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.peer("zizmor")
def test_an_auditor_finds_no_weakness_at_its_most_pedantic(places: list[Path]) -> None:
    for place in places:
        done = zizmor(place)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "No findings to report" in done.stdout
        for each in workflows(place):
            assert f"completed {each}" in done.stderr, "it looked at every file"
    run = places[1] / ".github/workflows/aios-run.yml"
    planted = run.read_text().replace("run: aios github listen", "run: echo ${{ github.event.comment.body }}")
    run.write_text(planted)
    done = zizmor(places[1])
    assert done.returncode != 0
    assert "template-injection" in done.stdout


@pytest.mark.peer("zizmor")
def test_the_published_schemas_of_workflows_and_actions_hold(places: list[Path]) -> None:
    for place in places:
        done = schema("github-workflows", workflows(place))
        assert done.returncode == 0, done.stdout
        if actions := sorted((place / ".github/actions").rglob("action.yml")):
            assert schema("github-actions", actions).returncode == 0
        if (place / ".github/dependabot.yml").exists():
            assert schema("dependabot", [place / ".github/dependabot.yml"]).returncode == 0
    apply = places[1] / ".github/workflows/aios-apply.yml"
    apply.write_text(apply.read_text().replace("queue: max", "queue: many"))
    assert schema("github-workflows", [apply]).returncode != 0


@pytest.mark.peer("languageservice")
def test_the_language_service_of_github_has_nothing_to_say(places: list[Path], tmp_path: Path) -> None:
    service = bundle(tmp_path)
    assert told(service, [each for place in places for each in workflows(place)]) == []
    run = places[1] / ".github/workflows/aios-run.yml"
    run.write_text(run.read_text().replace("needs.verify.outputs.digests", "needs.verify.outputs.digest"))
    found = told(service, [run])
    assert len(found) == 1
    assert "digest" in found[0]


def test_whatever_an_auditor_is_told_to_ignore_has_its_reason_beside_it() -> None:
    texts = [*github_files().values(), *(path.read_text() for path in (ROOT / ".github/workflows").glob("*.yml"))]
    ignores = [line for text in texts for line in text.splitlines() if "zizmor:" in line]
    assert len(ignores) <= 1
    assert all(re.search(r"# zizmor: ignore\[[\w-]+\] \w+ \w+ \w+", line) for line in ignores)
