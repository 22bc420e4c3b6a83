"""A forge in memory over a bare repository: what a git host does in the browser, and who did it."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from aios.domain.forge import Comment, Draft, Merge, Proposal, Push, Review, State
from aios.errors import RefusedError, TransientError

AT = "2026-11-02T09:30:00Z"
BOT = "github-actions[bot]"
_HOST = ("GitHub", "noreply@github.com")


def git(where: Path, *args: str, author: tuple[str, str] = ("Me", "me@test.example"), host: bool = False) -> str:
    """A git command by a person; with `host` the commits it makes are the host's, in that person's name."""
    committer = _HOST if host else author
    env = {
        **os.environ,
        "GIT_AUTHOR_NAME": author[0],
        "GIT_AUTHOR_EMAIL": author[1],
        "GIT_AUTHOR_DATE": AT,
        "GIT_COMMITTER_NAME": committer[0],
        "GIT_COMMITTER_EMAIL": committer[1],
        "GIT_COMMITTER_DATE": AT,
        "GIT_CONFIG_GLOBAL": "/dev/null",
    }
    done = subprocess.run(["git", *args], cwd=where, capture_output=True, text=True, env=env, check=False)
    assert done.returncode == 0, f"git {' '.join(args)}: {done.stderr}{done.stdout}"
    return done.stdout.strip()


def email_of(login: str) -> str:
    return f"{login.removesuffix('[bot]')}@users.noreply.github.com"


@dataclass
class Activity:
    """Who pushed what to main, as far as the host still knows."""

    pushes: list[Push] = field(default_factory=list)

    def activity(self, ref: str, *, limit: int = 100) -> Sequence[Push]:
        return [each for each in reversed(self.pushes) if each.ref == f"refs/heads/{ref}"][:limit]


@dataclass
class Hub:
    """`bare` is the repository there. `down` makes every question fail as a dead network does."""

    bare: Path
    main: str = "main"
    down: bool = False
    pulls: dict[int, Proposal] = field(default_factory=dict)
    merges: dict[int, Merge] = field(default_factory=dict)
    closers: dict[int, str] = field(default_factory=dict)
    said: dict[int, list[Comment]] = field(default_factory=dict)
    told: dict[str, dict[str, str]] = field(default_factory=dict)
    dispatched: list[str] = field(default_factory=list)
    host: Activity | None = None
    name: str = "hub"
    asked: int = 0

    def _ask(self) -> None:
        self.asked += 1
        if self.down:
            raise TransientError("the hub does not answer", "look at the network")

    def viewer(self) -> str:
        return BOT

    def open(self, draft: Draft) -> Proposal:
        self._ask()
        head = git(self.bare, "rev-parse", f"refs/heads/{draft.branch}")
        known = next((n for n, p in self.pulls.items() if (p.branch, p.state) == (draft.branch, State.OPEN)), 0)
        number = known or max(self.pulls, default=6) + 1
        url = f"https://hub.test.example/pull/{number}"
        self.pulls[number] = Proposal(
            number, draft.branch, draft.base, head, draft.title, draft.body, State.OPEN, url, BOT, draft.labels
        )
        git(self.bare, "update-ref", f"refs/pull/{number}/head", head)
        return self.pulls[number]

    def refresh(self, number: int, draft: Draft) -> Proposal:
        self.pulls[number] = replace(self.pulls[number], title=draft.title, body=draft.body)
        return self.get(number)

    def get(self, number: int) -> Proposal:
        self._ask()
        return self.pulls[number]

    def find(self, branch: str, *, fingerprint: str = "") -> Proposal | None:
        self._ask()
        found = [p for p in self.pulls.values() if p.branch == branch or (fingerprint and fingerprint in p.body)]
        return max(found, key=lambda p: (p.state is State.OPEN, p.number), default=None)

    def proposals(self, *, state: State | None = State.OPEN, branch: str = "", since: str = "") -> Sequence[Proposal]:
        self._ask()
        found = [p for _, p in sorted(self.pulls.items(), reverse=True) if state in {None, p.state}]
        return [p for p in found if branch in {"", p.branch} and (p.updated or AT) >= since]

    def files(self, number: int) -> Sequence[str]:
        pull = self.pulls[number]
        return git(self.bare, "diff", "--name-only", f"{self.main}...{pull.head}").splitlines()

    def comments(self, number: int, *, since: str = "") -> Sequence[Comment]:
        self._ask()
        return [each for each in self.said.get(number, []) if each.at >= since]

    def say(self, number: int, marker: str, text: str) -> Comment:
        self._ask()
        sign = f"<!-- aios:{marker} -->"
        before = [each for each in self.said.get(number, []) if sign not in each.body]
        made = Comment(len(before) + 1, BOT, f"{text}\n\n{sign}", AT, by_us=True)
        self.said[number] = [*before, made]
        return made

    def label(self, number: int, *, add: Collection[str] = (), remove: Collection[str] = ()) -> None:
        labels = tuple(dict.fromkeys([*(each for each in self.pulls[number].labels if each not in remove), *add]))
        self.pulls[number] = replace(self.pulls[number], labels=labels)

    def close(self, number: int, reason: str) -> None:
        if self.get(number).state is State.MERGED:
            raise RefusedError(f"#{number} is merged")
        if self.pulls[number].state is State.OPEN:
            self.say(number, "closed", reason)
            self.closed(number, by=BOT)

    def merged(self, number: int) -> Merge | None:
        self._ask()
        return self.merges.get(number)

    def closed_by(self, number: int) -> str:
        self._ask()
        return self.closers.get(number, "")

    def reviews(self, number: int) -> Sequence[Review]:
        return ()

    def status(self, commit: str, context: str, state: str, description: str, url: str = "") -> None:
        self._ask()
        self.told.setdefault(commit, {})[context] = state

    def statuses(self, commit: str) -> Mapping[str, str]:
        self._ask()
        return self.told.get(commit, {})

    def dispatch(self, workflow: str, inputs: Mapping[str, str]) -> None:
        self.dispatched.append(workflow)

    # What people do there

    def comment(self, number: int, by: str, text: str, *, edited: str = "") -> None:
        self.said.setdefault(number, []).append(Comment(len(self.said.get(number, [])) + 1, by, text, AT, edited))

    def closed(self, number: int, by: str) -> None:
        self.pulls[number] = replace(self.pulls[number], state=State.CLOSED)
        self.closers[number] = by

    def edit(self, branch: str, path: str, text: str, by: str = "ann") -> str:
        """A commit made in the browser, on a branch or on main."""
        with _Desk(self.bare, branch) as desk:
            (desk / path).parent.mkdir(parents=True, exist_ok=True)
            (desk / path).write_text(text)
            return self._committed(desk, branch, f"Update {path}", by)

    def merge(self, number: int, method: str, by: str = "ann", *, message: str = "", delete: bool = False) -> str:
        """The green button: a merge commit, squashed or rebased; the merged commit on main."""
        pull = self.pulls[number]
        head = git(self.bare, "rev-parse", f"refs/heads/{pull.branch}")
        git(self.bare, "update-ref", f"refs/pull/{number}/head", head)
        who = (by, email_of(by))
        with _Desk(self.bare, self.main) as desk:
            if method == "merge":
                text = message or f"Merge pull request #{number} from test/{pull.branch}\n\n{pull.title}"
                git(desk, "merge", "-q", "--no-ff", "-m", text, head, author=who, host=True)
            elif method == "squash":
                fork = git(desk, "merge-base", "HEAD", head)
                told = git(desk, "log", "--reverse", "--format=* %B", f"{fork}..{head}")
                git(desk, "merge", "-q", "--squash", head, author=who, host=True)
                text = message or f"{pull.title} (#{number})\n\n{told}"
                git(desk, "commit", "-q", "--cleanup=verbatim", "-m", text, author=who, host=True)
            else:
                git(desk, "checkout", "-q", head)
                git(desk, "rebase", "-q", "--force-rebase", "work", host=True)
            commit = git(desk, "rev-parse", "HEAD")
            self._moved(desk, self.main, commit, by, "pr_merge")
        if delete:
            git(self.bare, "update-ref", "-d", f"refs/heads/{pull.branch}")
        self.pulls[number] = replace(pull, state=State.MERGED, head=head)
        self.merges[number] = Merge(commit, by, AT, head, method)
        return commit

    def rename(self, main: str) -> None:
        """The default branch gets another name; what was proposed for it is proposed for that."""
        git(self.bare, "branch", "-m", self.main, main)
        self.main = main
        self.pulls = {number: replace(each, base=main) for number, each in self.pulls.items()}

    def pushes(self, place: Path, commit: str, by: str) -> None:
        """Somebody pushes a commit of theirs to main."""
        git(self.bare, "fetch", "-q", str(place), commit)
        before = git(self.bare, "rev-parse", f"refs/heads/{self.main}")
        git(self.bare, "update-ref", f"refs/heads/{self.main}", commit)
        self._saw(before, commit, by, "push")

    def _committed(self, desk: Path, branch: str, message: str, by: str) -> str:
        git(desk, "add", "-A")
        git(desk, "commit", "-q", "-m", message, author=(by, email_of(by)), host=True)
        commit = git(desk, "rev-parse", "HEAD")
        self._moved(desk, branch, commit, by, "push")
        return commit

    def _moved(self, desk: Path, branch: str, commit: str, by: str, kind: str) -> None:
        before = git(self.bare, "rev-parse", f"refs/heads/{branch}")
        git(desk, "push", "-q", "origin", f"{commit}:refs/heads/{branch}")
        for number, pull in self.pulls.items():
            if pull.branch == branch and pull.state is State.OPEN:
                git(self.bare, "update-ref", f"refs/pull/{number}/head", commit)
                self.pulls[number] = replace(pull, head=commit)
        if branch == self.main:
            self._saw(before, commit, by, kind)

    def _saw(self, before: str, after: str, by: str, kind: str) -> None:
        if self.host is not None:
            self.host.pushes.append(Push(f"refs/heads/{self.main}", before, after, kind, by, AT))


class _Desk:
    """A clone for a moment, on the branch `work`."""

    def __init__(self, bare: Path, branch: str) -> None:
        self._bare, self._branch = bare, branch

    def __enter__(self) -> Path:
        self._place = Path(tempfile.mkdtemp(dir=self._bare.parent))
        git(self._bare.parent, "clone", "-q", "--no-tags", "-s", str(self._bare), str(self._place / "desk"))
        desk = self._place / "desk"
        git(desk, "checkout", "-q", "-B", "work", f"origin/{self._branch}")
        return desk

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self._place)
