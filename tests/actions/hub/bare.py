"""The hub's repository, and what a merge in the browser does to it: with git itself, as GitHub does it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.actions.hub.tokens import Person

GITHUB = ("GitHub", "noreply@github.com")
WORKFLOWS = ".github/workflows/"
# Refuses workflow files that no branch has yet, where the hub says so: a job's own token may not bring them.
_HOOK = """#!/bin/sh
[ -n "$HUB_NO_WORKFLOWS" ] || exit 0
known=$(git for-each-ref --format='%(refname)' refs/heads |
  while read -r ref; do git ls-tree -r "$ref" .github/workflows/; done)
while read -r _ new ref; do
  case $new in *[!0]*) ;; *) continue ;; esac
  git ls-tree -r "$new" .github/workflows/ | while read -r line; do
    case "$known" in *"$line"*) ;; *)
      echo "refusing to allow a GitHub App to create or update workflow \\`${line#*	}\\`" \
        "without \\`workflows\\` permission" >&2
      exit 1 ;;
    esac
  done || exit 1
done
"""


class CannotMergeError(Exception):
    """The two do not go together by themselves."""


class Bare:
    """A bare repository with `main`. `clock` dates what is committed in the browser."""

    def __init__(self, path: Path, clock: Callable[[], datetime]) -> None:
        self.path = path
        self.clock = clock
        subprocess.run(["git", "init", "-q", "--bare", "-b", "main", str(path)], check=True)
        for name, value in (("http.receivepack", "true"), ("uploadpack.allowAnySHA1InWant", "true"), ("gc.auto", "0")):
            self.git("config", name, value)
        hook = path / "hooks/pre-receive"
        hook.write_text(_HOOK)
        hook.chmod(0o755)

    def git(self, *args: str, env: Mapping[str, str] | None = None, put: bytes | None = None) -> str:
        done = self.process(*args, env=env, put=put)
        if done.returncode:
            raise AssertionError(f"git {' '.join(args)}: {done.stderr.decode(errors='replace')}")
        return done.stdout.decode(errors="surrogateescape").strip()

    def process(
        self, *args: str, env: Mapping[str, str] | None = None, put: bytes | None = None
    ) -> subprocess.CompletedProcess[bytes]:
        whole = {**os.environ, **(env or {})}
        return subprocess.run(["git", *args], cwd=self.path, env=whole, input=put, capture_output=True, check=False)

    def refs(self, prefix: str = "refs/heads") -> dict[str, str]:
        lines = self.git("for-each-ref", "--format=%(refname) %(objectname)", prefix).splitlines()
        return dict(line.split(" ", 1) for line in lines)

    def tip(self, branch: str) -> str | None:
        return self.refs(f"refs/heads/{branch}").get(f"refs/heads/{branch}")

    def rev(self, name: str) -> str | None:
        done = self.process("rev-parse", "--verify", "--quiet", f"{name}^{{commit}}")
        return done.stdout.decode().strip() if done.returncode == 0 else None

    def contains(self, tip: str, commit: str) -> bool:
        return self.process("merge-base", "--is-ancestor", commit, tip).returncode == 0

    def changed(self, base: str, head: str) -> list[tuple[str, str]]:
        """(status letter, path) of what a proposal changes: from where it began to its head."""
        fork = self.git("merge-base", base, head)
        out = self.git("diff", "--name-status", "--no-renames", "-z", fork, head).split("\0")
        return list(zip(out[0::2], out[1::2], strict=False))

    def write(self, branch: str, files: Mapping[str, str], message: str, by: Person) -> str:
        """A commit of some files, made in the browser: authored by the person, committed by GitHub."""
        base = self.tip(branch)
        with TemporaryDirectory() as folder:
            index = {"GIT_INDEX_FILE": f"{folder}/index"}
            if base:
                self.git("read-tree", base, env=index)
            for path, text in files.items():
                blob = self.git("hash-object", "-w", "--stdin", put=text.encode())
                self.git("update-index", "--add", "--cacheinfo", f"100644,{blob},{path}", env=index)
            tree = self.git("write-tree", env=index)
        new = self._commit(tree, [base] if base else [], message, (by.name or by.login, by.noreply))
        self.git("update-ref", f"refs/heads/{branch}", new, base or "0" * 40)
        return new

    def merge_tree(self, base: str, head: str) -> str | None:
        done = self.process("merge-tree", "--write-tree", base, head)
        return done.stdout.decode().split("\n", 1)[0] if done.returncode == 0 else None

    def merge(self, base: str, head: str, message: str, by: Person) -> str:
        return self._commit(self._merged(base, head), [base, head], message, (by.name or by.login, by.noreply))

    def squash(self, base: str, head: str, message: str, author: Person) -> str:
        return self._commit(self._merged(base, head), [base], message, (author.name or author.login, author.noreply))

    def rebase(self, base: str, head: str, by: Person) -> str:
        """Each commit again on the new base: its author stays, the committer is who merged."""
        with TemporaryDirectory() as folder:
            place = f"{folder}/tree"
            self.git("worktree", "add", "--quiet", "--detach", place, head)
            try:
                env = {
                    **os.environ,
                    **self._identity((by.name or by.login, by.noreply), "COMMITTER"),
                    "GIT_EDITOR": ":",
                }
                command = [
                    "git",
                    "-C",
                    place,
                    "rebase",
                    "--quiet",
                    "--no-ff",
                    "--onto",
                    base,
                    self.git("merge-base", base, head),
                ]
                done = subprocess.run(command, env=env, capture_output=True, check=False)
                if done.returncode:
                    raise CannotMergeError(done.stderr.decode(errors="replace"))
                head = subprocess.run(
                    ["git", "-C", place, "rev-parse", "HEAD"], capture_output=True, text=True, check=True
                ).stdout
            finally:
                self.git("worktree", "remove", "--force", place)
        return head.strip()

    def _merged(self, base: str, head: str) -> str:
        tree = self.merge_tree(base, head)
        if tree is None:
            raise CannotMergeError("Pull Request has merge conflicts")
        return tree

    def _commit(self, tree: str, parents: list[str], message: str, author: tuple[str, str]) -> str:
        env = self._identity(author, "AUTHOR") | self._identity(GITHUB, "COMMITTER")
        told = [each for parent in parents for each in ("-p", parent)]
        return self.git("commit-tree", tree, *told, "-F", "-", env=env, put=message.encode())

    def _identity(self, who: tuple[str, str], role: str) -> dict[str, str]:
        at = self.clock().isoformat()
        return {f"GIT_{role}_NAME": who[0], f"GIT_{role}_EMAIL": who[1], f"GIT_{role}_DATE": at}
