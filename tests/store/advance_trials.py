"""Kills whoever moves the checked-out branch: `python -m tests.store.advance_trials 200`.

The next attempt must bring branch, index and files together again, and keep the operator's uncommitted edit.
"""

from __future__ import annotations

import random
import subprocess
import sys
import tempfile
from pathlib import Path

from aios.store.commits import advance, commit_object
from aios.store.git import Git
from tests.store.drafts import AT
from tests.store.kill_trials import kill_session

FILES = 40


def work(root: Path) -> None:
    """Advance main for ever; each time all files get other contents, one goes and one comes."""
    with Git(root) as git:
        number = 0
        while True:
            step(git, number)
            sys.stdout.write(".")
            sys.stdout.flush()
            number += 1


def step(git: Git, number: int) -> None:
    tip = git.commit("main")
    changes: dict[str, bytes | None] = {
        f"state/notes/{n}.yaml": f"{tip} {number}\n".encode() * 50 for n in range(FILES)
    }
    changes |= {f"state/notes/only-{number}.yaml": b"x", f"state/notes/only-{number - 1}.yaml": None}
    commit = commit_object(git, parent=tip, changes=changes, message="m", at=AT, author="a", email="e")
    advance(git, "main", commit, expected=tip)


def kill_once(root: Path, chance: random.Random) -> list[str]:
    """One trial; gives what is wrong afterwards."""
    edited = root / "state/company.yaml"
    edited.write_text("my words\n")
    command = [sys.executable, "-m", "tests.store.advance_trials", "work", str(root)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True) as child:
        assert child.stdout is not None
        child.stdout.read(chance.randrange(1, 6))
        try:
            child.wait(timeout=chance.random() * 0.05)
        except subprocess.TimeoutExpired:
            kill_session(child.pid, alone=False)
        child.stdout.read()
    with Git(root) as git:
        step(git, 10_000)
        problems = [path for path in git.dirty() if path != "state/company.yaml"]
        if git.dirty(["state/company.yaml"]) != ["state/company.yaml"] or edited.read_text() != "my words\n":
            problems.append("the edit is lost")
        return problems


def main(trials: int) -> int:
    with tempfile.TemporaryDirectory() as directory:
        root = Path(directory) / "company"
        with Git.init(root) as git:
            changes: dict[str, bytes | None] = {"state/company.yaml": b"name: Acme\n"}
            first = commit_object(git, parent=None, changes=changes, message="m", at=AT, author="a", email="e")
            advance(git, "main", first, expected=None)
        chance = random.Random(1)
        failed = 0
        for trial in range(trials):
            problems = kill_once(root, chance)
            failed += bool(problems)
            if problems:
                sys.stderr.write(f"trial {trial}: {problems}\n")
        sys.stdout.write(f"{trials - failed} of {trials} clean\n")
        return failed


if __name__ == "__main__":
    if sys.argv[1] == "work":
        work(Path(sys.argv[2]))
    sys.exit(main(int(sys.argv[1])))
