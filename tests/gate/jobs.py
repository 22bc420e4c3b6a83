"""The small company on the stand-in for GitHub, and the jobs of its workflow files: the real command line in new
clones, with the token that a job gets."""

from __future__ import annotations

import base64
import copy
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from aios.app import Company
from aios.domain.handoff import Stage
from aios.domain.names import branch_of
from aios.runs.conductor import carry_on
from aios.runs.context import Context
from aios.runs.proposing import Proposed, push, shown
from aios.runs.shared_main import catch_up
from tests.actions.hub import Hub
from tests.actions.hub.server import serving
from tests.actions.hub.things import Event, Pull
from tests.actions.hub.tokens import Person, Token
from tests.runs import house

ANN, EVE = Person("ann", 71, "Ann"), Person("eve", 72, "Eve")
REPOSITORY, RUN, BRANCH = "ann/acme", house.RUN_ID, branch_of(house.RUN_ID)
LEDGER = "refs/heads/aios/ledger"
NOW = house.START + timedelta(hours=1)
APPLY_FILE = ".github/workflows/aios-apply.yml"
MAY = {
    "apply": {"contents": "write", "pull_requests": "write", "statuses": "read"},
    "listen": {"contents": "write", "pull_requests": "write", "statuses": "write", "actions": "write"},
    "propose": {"contents": "write", "pull_requests": "write", "statuses": "write", "actions": "write"},
}


@dataclass(frozen=True)
class Done:
    """What a job said, its outputs, its summary, and the token that it had."""

    code: int
    said: str
    outputs: Mapping[str, str]
    summary: str
    token: Token


@dataclass
class Jobs:
    """`worked` is a clone whose run has come to its gate and was proposed nowhere."""

    hub: Hub
    top: Path
    worked: Path
    count: int = 0

    def job(self, name: str, *args: str, event: Event | None = None) -> Done:
        self.count += 1
        folder = self.top / f"job-{self.count}"
        folder.mkdir()
        token = self.hub.token(self.hub.bot, MAY[name], job=name)
        git(self.top, *_header(token), "clone", "-q", f"{self.hub.clone_url}.git", str(folder / "clone"))
        (folder / "event").write_text(json.dumps(event.payload if event else {}))
        done = subprocess.run(
            [sys.executable, "-P", "-m", "aios", *args],
            cwd=folder / "clone",
            env=_environment(folder, token, event),
            capture_output=True,
            text=True,
            check=False,
        )
        lines = (folder / "output").read_text().splitlines() if (folder / "output").exists() else []
        summary = (folder / "summary").read_text() if (folder / "summary").exists() else ""
        assert token.value not in done.stdout + done.stderr + summary
        assert token.refused == []
        outputs = dict(line.split("=", 1) for line in lines)
        return Done(done.returncode, done.stdout + done.stderr, outputs, summary, token)

    def apply(self) -> Done:
        return self.job("apply", "apply")

    def receipts(self) -> int:
        refs = self.hub.bare.refs(LEDGER)
        return self.hub.bare.git("log", "--format=%s", LEDGER).count("receipt: done") if refs else 0

    def events(self, kind: str) -> int:
        return self.hub.bare.git("log", "--format=%s", "main").count(f"{kind}: ")

    @property
    def pull(self) -> Pull:
        return self.hub.pulls[1]

    @contextmanager
    def propose_job(self) -> Iterator[Context]:
        """The propose job's context, in this process; the agents are the house's own."""
        place = self.top / "propose"
        shutil.copytree(self.worked, place)
        token = self.hub.token(self.hub.bot, MAY["propose"], job="propose")
        before = {name: os.environ.get(name) for name in ("GITHUB_TOKEN", "GITHUB_ACTIONS")}
        os.environ.update({"GITHUB_TOKEN": token.value, "GITHUB_ACTIONS": "true"})
        company = Company.find(place, clock=lambda: NOW)
        try:
            with company.git:
                yield replace(company.context, engines=house.ENGINES, recall=house.nothing_recalled)
        finally:
            for name, value in before.items():
                os.environ.pop(name) if value is None else os.environ.update({name: value})

    def propose(self) -> Proposed:
        """The verdict, and what follows from it: a proposal that is open and shown, or a merge by policy."""
        with self.propose_job() as here:
            assert here.remote is not None
            here.remote.fetch()
            catch_up(here)
            main = here.git.commit("main")
            standing = carry_on(here, RUN, stage=Stage.PROPOSE)
            merged = here.git.commit("main") if here.git.commit("main") != main else ""
            push(here, RUN)
            return shown(here, Proposed(RUN, standing, BRANCH, merged, kept=True))


def git(where: Path, *args: str) -> str:
    done = subprocess.run(["git", *args], cwd=where, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"git {' '.join(args)}: {done.stderr}"
    return done.stdout.strip()


def _header(token: Token) -> tuple[str, str]:
    basic = base64.b64encode(f"x-access-token:{token.value}".encode()).decode()
    return "-c", f"http.extraHeader=Authorization: Basic {basic}"


def _environment(folder: Path, token: Token, event: Event | None) -> dict[str, str]:
    known = {name: value for name, value in os.environ.items() if not name.startswith(("GITHUB_", "RUNNER_"))}
    return known | {
        "GITHUB_ACTIONS": "true",
        "GITHUB_TOKEN": token.value,
        "GITHUB_REPOSITORY": REPOSITORY,
        "GITHUB_EVENT_NAME": event.name if event else "push",
        "GITHUB_EVENT_PATH": str(folder / "event"),
        "GITHUB_ACTOR": event.actor if event else ANN.login,
        "GITHUB_RUN_ID": "77",
        "GITHUB_OUTPUT": str(folder / "output"),
        "GITHUB_STEP_SUMMARY": str(folder / "summary"),
        "AIOS_NOW": NOW.isoformat(),
        "PYTHONPATH": str(house.TOP),
    }


@contextmanager
def opened(top: Path) -> Iterator[Jobs]:
    """The company at the hub, which runs until the block ends; its one run is worked on and not proposed yet."""
    with serving(Hub(top, REPOSITORY, ANN, lambda: NOW)) as hub:
        seed = top / "seed"
        seed.mkdir()
        house.found(seed, workflow=house.WORKFLOW.partition("  look:")[0])
        company = seed / "state/company.yaml"
        forge = f"forge: {{use: github, repository: {REPOSITORY}, api: '{hub.api}'}}\n"
        company.write_text(company.read_text().replace("[me@", '["github:ann", me@') + forge)
        (seed / APPLY_FILE).parent.mkdir(parents=True)
        (seed / APPLY_FILE).write_text("on: workflow_dispatch\n")
        git(seed, "add", "-A")
        git(seed, "commit", "-q", "-m", "At GitHub")
        git(seed, "remote", "add", "origin", f"{hub.clone_url}.git")
        git(seed, *_header(hub.token(ANN)), "push", "-q", "origin", "main")
        made = Jobs(hub, top, seed)
        here = Company.find(seed, clock=lambda: NOW)
        with here.git:
            context = replace(here.context, engines=house.ENGINES, recall=house.nothing_recalled)
            assert house.start(context) == RUN
            carry_on(context, RUN, stage=Stage.AGENT)
        yield made


@contextmanager
def copied(template: Jobs, top: Path) -> Iterator[Jobs]:
    """The same for one test: the hub's repository and all that it knows are put back at the end."""
    hub, kept = template.hub, top / "kept.git"
    shutil.copytree(hub.bare.path, kept, symlinks=True)
    names = ("pulls", "statuses", "labels", "events", "moves", "requests", "problems")
    state: dict[str, Any] = {name: copy.deepcopy(getattr(hub, name)) for name in names}
    hub.events.clear()
    hub.requests.clear()
    try:
        yield Jobs(hub, top, template.worked)
        assert hub.problems == []
    finally:
        shutil.rmtree(hub.bare.path)
        kept.rename(hub.bare.path)
        for name, value in state.items():
            setattr(hub, name, value)
