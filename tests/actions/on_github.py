"""The day on GitHub: the operator clicks, and everything else is done by the jobs of the workflow files."""

from __future__ import annotations

import base64
import os
import subprocess
from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import cycle
from pathlib import Path

import yaml

from tests.actions.company import BEGIN, KEYS, Services, aios, commit, edit, found
from tests.actions.engine import Actions, Run
from tests.actions.expressions import Expressions
from tests.actions.hub import Hub
from tests.actions.hub.tokens import Person
from tests.actions.kills import Kills

MARA = Person("mara", 77, "Mara Lindqvist")
REPOSITORY = "mara/fernwerk"
FROM = "aios==0.1.0"


class OnGitHub:
    """A company on the hub. `methods` are how the operator merges, one after the other; jobs that were killed are run
    again, and nothing else is."""

    def __init__(self, hub: Hub, actions: Actions, methods: Sequence[str], kills: Kills) -> None:
        self.hub = hub
        self.actions = actions
        self.kills = kills
        self._methods = cycle(methods)
        self.mara = hub.token(MARA)
        self.runs: list[Run] = []

    @property
    def at(self) -> datetime:
        return self.hub.clock()

    @at.setter
    def at(self, moment: datetime) -> None:
        self.hub.clock = self.hub.bare.clock = lambda: moment

    def tick(self) -> None:
        workflow = self.text("main", ".github/workflows/aios-run.yml")
        line = next(line for line in workflow.splitlines() if line.strip().startswith("- cron:"))
        self.hub.schedule(yaml.safe_load(line.strip().removeprefix("- "))["cron"])
        self.settle()

    def text(self, ref: str, path: str) -> str:
        return self.hub.bare.git("show", f"{ref}:{path}") + "\n"

    def branch(self, subject: str) -> str:
        pulls = self.hub.pulls.values()
        branches = [each.branch for each in pulls if each.branch.endswith(f"/{subject}") and each.state == "open"]
        assert len(branches) == 1, [(each.branch, each.state) for each in pulls]
        return branches[0]

    def edit(self, subject: str, path: str, old: str, new: str) -> None:
        branch = self.branch(subject)
        text = self.text(branch, path)
        assert old in text
        self.hub.commit(branch, {path: text.replace(old, new)}, f"Edit {path}", self.mara)
        self.settle()

    def merge(self, subject: str) -> None:
        self.hub.merge(self._number(subject), next(self._methods), self.mara)
        self.settle()

    def reject(self, subject: str, reason: str) -> None:
        self.hub.comment(self._number(subject), f"/aios reject {reason}", self.mara)
        self.settle()

    def _number(self, subject: str) -> int:
        return self.hub.open_pull(self.branch(subject)).number

    def tree(self) -> dict[str, str]:
        paths = self.hub.bare.git("ls-tree", "-r", "--name-only", "main", "state", "memory", "workflows").splitlines()
        return {path: self.text("main", path) for path in paths}

    def settle(self) -> None:
        """All that is started ends well, if need be at a later attempt."""
        while runs := self.actions.settle():
            for run in runs:
                while any(each.killed for jobs in run.jobs.values() for each in jobs):
                    self.actions.again(run)
                self.runs.append(run)
                self.kills.saw(run)
                assert run.conclusion == "success", f"{run.told()}\n{run.log()}"

    def spare(self) -> dict[str, dict[str, str]]:
        """Permissions that a job was given and no run of it ever used."""
        used: dict[str, set[tuple[str, str]]] = {}
        given: dict[str, dict[str, str]] = {}
        for token in self.hub.tokens.values():
            if token.job and not token.app:
                used.setdefault(token.job, set()).update(token.used)
                given[token.job] = dict(token.permissions or {})
        tokens = {job: self.hub.token(MARA, told) for job, told in given.items()}
        for job, token in tokens.items():
            token.used = used[job]
        return {job: spare for job, token in tokens.items() if (spare := token.unused())}

    def spare_secrets(self) -> dict[str, list[str]]:
        """Secrets that a job was given and that no service ever saw from it."""
        given: dict[str, set[str]] = {}
        used: dict[str, set[str]] = {}
        for run in self.runs:
            for done in (each for jobs in run.jobs.values() for each in jobs if each.result != "skipped"):
                job = f"{run.workflow.file}/{done.id}"
                given.setdefault(job, set()).update(done.secrets - {"GITHUB_TOKEN"})
                used.setdefault(job, set()).update(done.shown)
        return {job: sorted(spare) for job in given if (spare := given[job] - used[job])}


def on_github(
    folder: Path,
    services: Services,
    hub: Hub,
    expressions: Expressions,
    *,
    methods: Sequence[str] = ("merge",),
    fan_out: int = 40,
    kills: Kills | None = None,
) -> OnGitHub:
    """Found the company, push it, and let its workflow files be what `aios github sync` makes of them."""
    root = folder / "operator"
    forge = {"use": "github", "repository": REPOSITORY, "api": hub.api, "fan_out": {"above": fan_out, "jobs": 3}}
    found(root, services)
    made = aios(root, BEGIN, "--no-input", "init", ".", "--github", REPOSITORY, "--login", "mara", "--aios-from", FROM)
    assert made.returncode == 0, made.stderr
    edit(root / "state/company.yaml", forge=forge)
    commit(root, "Where our GitHub is", BEGIN)
    git(root, "remote", "set-url", "origin", f"{hub.clone_url}.git")
    kills = kills or Kills(0)
    actions = Actions(hub, folder / "actions", expressions, secrets=KEYS, kill=kills, asked=services.asked)
    place = OnGitHub(hub, actions, methods, kills)
    place.at = BEGIN
    push(root, ["main"], place.mara.value)
    hub.events.clear()
    return place


def push(root: Path, refs: Iterable[str], token: str) -> None:
    basic = base64.b64encode(f"x-access-token:{token}".encode()).decode()
    git(root, "-c", f"http.extraHeader=Authorization: Basic {basic}", "push", "-q", "origin", *refs)


def git(root: Path, *args: str) -> str:
    done = subprocess.run(["git", *args], cwd=root, env=os.environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout
