"""The day in `aios` on one machine: the operator types what they would click on GitHub."""

from __future__ import annotations

import os
import subprocess
from datetime import datetime
from pathlib import Path

from aios.errors import Exit
from tests.actions.company import KEYS, aios


class OneMachine:
    """A company in a folder. `at` is what its clock says."""

    def __init__(self, root: Path, at: datetime) -> None:
        self.root = root
        self.at = at

    def tick(self) -> None:
        """What cron does."""
        self._aios("tick")

    def text(self, ref: str, path: str) -> str:
        return self._git("show", f"{ref}:{path}")

    def edit(self, subject: str, path: str, old: str, new: str) -> None:
        """A change on the proposal's branch, in an editor."""
        branch = self.branch(subject)
        text = self.text(branch, path)
        assert old in text
        place = self.root.with_name("elsewhere")
        self._git("worktree", "add", "-q", str(place), branch)
        (place / path).write_text(text.replace(old, new))
        dates = {"GIT_AUTHOR_DATE": self.at.isoformat(), "GIT_COMMITTER_DATE": self.at.isoformat()}
        subprocess.run(["git", "commit", "-qam", f"Edit {path}"], cwd=place, env=os.environ | dates, check=True)
        self._git("worktree", "remove", str(place))

    def merge(self, subject: str) -> None:
        """Read it as it is, approve it, and let happen what was approved."""
        self._aios("show", subject)
        self._aios("approve", subject, "--apply")

    def reject(self, subject: str, reason: str) -> None:
        self._aios("reject", subject, "--reason", reason)

    def branch(self, subject: str) -> str:
        listed = self._git("for-each-ref", "--format=%(refname:short)", f"refs/heads/aios/*/{subject}").split()
        assert len(listed) == 1, listed
        return listed[0]

    def tree(self) -> dict[str, str]:
        """Canonical state: path → text."""
        paths = self._git("ls-tree", "-r", "--name-only", "main", "state", "memory", "workflows").splitlines()
        return {path: self.text("main", path) for path in paths}

    def _aios(self, *args: str) -> None:
        done = aios(self.root, self.at, *args, keys=KEYS)
        assert done.returncode in {Exit.OK, Exit.WAITING}, f"{args}: {done.returncode}\n{done.stdout}{done.stderr}"

    def _git(self, *args: str) -> str:
        return subprocess.run(["git", *args], cwd=self.root, capture_output=True, text=True, check=True).stdout
