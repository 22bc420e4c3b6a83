"""Compaction and restoring, killed at every boundary and at random moments: gone on with, the memory is the same."""

from __future__ import annotations

import random
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from aios.app import Company, found_company
from aios.runs.conductor import carry_on
from aios.runs.gate import approve, open_gate
from aios.runs.restoring import restore
from aios.runs.session import read_state
from aios.runs.start import start_run
from tests.example.test_memory import QUESTIONS, SUMMARY, commit, research
from tests.kills import boundaries, dies_at
from tests.store.kill_trials import kill_session

NOW = datetime(2026, 11, 28, 9, tzinfo=UTC)
TRIGGER = {"kind": "manual", "key": "test:compact", "at": "2026-11-28T09:00:00Z"}
BACK = "memory/research/old-notice.md"
TRIALS = 5  # of each command


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("killed") / "fernwerk"
    found_company(root, name="", email="", example=True)
    commit(root, {f"memory/research/old-{name}.md": research(*each, "2025-01-05") for name, each in QUESTIONS.items()})
    return root


def drive(root: Path, checkpoint: Callable[[str], None] = lambda _: None) -> None:
    """Fold, approve, bring one note back: from wherever it stands."""
    company = Company.find(root, clock=lambda: NOW)
    here = replace(company.context, checkpoint=checkpoint)
    with company.git:
        run = start_run(here, "compact-memory", {}, trigger=TRIGGER)
        carry_on(here, run)
        if open_gate(read_state(here.git, run, main="main")):
            approve(here, run)
        carry_on(here, run)
        if company.git.read_blob(f"main:{BACK}") is None:
            restore(here, BACK)


def memory_of(root: Path) -> dict[str, str]:
    """Every file of main but the run records (they tell seconds), and nothing uncommitted."""
    status = subprocess.run(["git", "status", "--porcelain"], cwd=root, capture_output=True, text=True, check=True)
    assert status.stdout == ""
    listed = subprocess.run(["git", "ls-tree", "-r", "main"], cwd=root, capture_output=True, text=True, check=True)
    rows = [line.split("\t") for line in listed.stdout.splitlines()]
    return {path: entry for entry, path in rows if not path.startswith("state/runs/")}


def test_killed_at_any_boundary_and_gone_on_with_it_leaves_the_same_memory(template: Path, tmp_path: Path) -> None:
    whole = shutil.copytree(template, tmp_path / "whole", symlinks=True)
    found = boundaries(whole, drive)
    expected = memory_of(whole)
    assert BACK in expected
    assert SUMMARY in expected
    assert "memory/research/old-letters.md" not in expected
    names = list(found.values())
    assert names.count("before merge") == 1
    assert names[-2:] == ["before commit to main", "after commit to main"]
    for boundary, name in found.items():
        root = shutil.copytree(template, tmp_path / f"killed-{boundary}", symlinks=True)
        assert dies_at(root, boundary, drive), name
        drive(root)
        assert memory_of(root) == expected, name
        shutil.rmtree(root)


def test_killed_at_a_random_moment_the_command_is_typed_again_and_nothing_is_lost(
    template: Path, tmp_path: Path
) -> None:
    chance = random.Random(11)
    root = shutil.copytree(template, tmp_path / "random", symlinks=True)
    before = {path: text for path, text in memory_of(root).items() if path.startswith("memory/research/")}
    killed = 0
    for command in (["memory", "compact"], ["approve", "old-notes"], ["memory", "restore", BACK]):
        for _ in range(TRIALS):
            killed += _killed(root, command, chance)
            held = memory_of_main(root)
            assert all(path in held or path in folded(root) for path in before), command
        subprocess.run([sys.executable, "-m", "aios", *command], cwd=root, capture_output=True, check=False)
    assert killed
    assert BACK in memory_of(root)
    assert folded(root) == {"memory/research/old-letters.md", "memory/research/old-refunds.md"}
    with Company.find(root).git as git:
        assert git.process("fsck", "--full", "--strict", "--no-dangling").stderr == b""


def _killed(root: Path, command: list[str], chance: random.Random) -> bool:
    """Start the command and kill it a moment later; whether it was still at work."""
    with subprocess.Popen(
        [sys.executable, "-m", "aios", *command],
        cwd=root,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as child:
        try:
            child.wait(timeout=0.1 + chance.random() * 0.6)
        except subprocess.TimeoutExpired:
            kill_session(child.pid, alone=chance.random() < 0.3)
            return True
    return False


def memory_of_main(root: Path) -> set[str]:
    listed = subprocess.run(
        ["git", "ls-tree", "-r", "--name-only", "main"], cwd=root, capture_output=True, text=True, check=True
    )
    return set(listed.stdout.splitlines())


def folded(root: Path) -> set[str]:
    """What the summary on main names."""
    shown = subprocess.run(["git", "show", f"main:{SUMMARY}"], cwd=root, capture_output=True, text=True, check=False)
    head = shown.stdout.partition("folds:\n")[2].partition("run:")[0]
    return {line.removeprefix("- ") for line in head.splitlines()}
