"""Killed at any moment, nothing acknowledged is lost or done twice; 1,000 trials: `tests.store.kill_trials`."""

from __future__ import annotations

import random
from pathlib import Path

from aios.store.git import Git
from aios.store.writing import sweep, writing
from tests.store import advance_trials
from tests.store.kill_trials import kill_once

TRIALS = 40


def test_nothing_acknowledged_is_lost_or_doubled_by_a_kill(company: Path) -> None:
    chance = random.Random(7)
    results = [kill_once(company, trial, chance) for trial in range(TRIALS)]
    assert [problems for _, problems in results if problems] == []
    assert sum(count for count, _ in results) > TRIALS
    with Git(company) as git:
        assert git.process("fsck", "--full", "--strict", "--no-dangling").stderr == b""


def test_a_killed_advance_is_taken_back_and_edits_survive(company: Path) -> None:
    chance = random.Random(3)
    assert [advance_trials.kill_once(company, chance) for _ in range(12)] == [[]] * 12


def test_only_locks_of_killed_writers_are_removed(git: Git) -> None:
    lock = git.dir / "refs/heads/main.lock"
    lock.touch()
    with writing(git.dir):
        assert sweep(git.dir) is False
    assert lock.exists()
    assert list((git.dir / "aios/writers").iterdir()) == []
    (git.dir / "aios/writers/4194304-0").touch()  # nobody has so high a process number
    assert sweep(git.dir) is True
    assert not lock.exists()
    assert list((git.dir / "aios/writers").iterdir()) == []
