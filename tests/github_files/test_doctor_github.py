"""`aios doctor --github` names each thing that GitHub does not allow or that is missing there, with the page for it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from aios.app import Company
from aios.app.on_github import set_up
from aios.diagnosis import Check
from aios.diagnosis.github import examine_github
from aios.domain.forge import Facts, Guard, JobRun, Proposal, Push, Workflow
from aios.errors import CredentialsError, Exit, RefusedError
from tests.conftest import commit_all

FACTS = Facts(
    repository="ann/acme",
    default_branch="main",
    private=True,
    archived=False,
    owner_kind="User",
    url="https://github.com/ann/acme",
    methods=("merge", "squash"),
    may=frozenset({"admin", "push", "pull"}),
    actions=True,
    default_permissions="read",
    may_propose=True,
)
NAMES = ("apply", "check", "pages", "run")


def workflow(name: str, state: str = "active") -> Workflow:
    path = f".github/workflows/aios-{name}.yml"
    return Workflow(path, f"aios {name}", state, f"https://github.com/ann/acme/actions/{name}")


def fired(ago: timedelta, conclusion: str = "success") -> JobRun:
    at = (datetime.now(UTC) - ago).isoformat(timespec="seconds")
    return JobRun(1, "schedule", "completed", conclusion, at, "https://github.com/ann/acme/actions/runs/1")


@dataclass
class There:
    """A host that tells what a test wants it to; what is an error is raised."""

    told: Facts | Exception = FACTS
    may: str = "admin"
    files: Sequence[Workflow] = field(default_factory=lambda: [workflow(name) for name in NAMES])
    ran: Sequence[JobRun] = field(default_factory=lambda: [fired(timedelta(hours=3))])
    secret_names: frozenset[str] | Exception = frozenset()
    set_variables: Mapping[str, str] = field(default_factory=dict)
    site: str | None = None
    guarded: Guard = field(default_factory=lambda: Guard(protected=False))

    def facts(self) -> Facts:
        if isinstance(self.told, Exception):
            raise self.told
        return self.told

    def permission(self, login: str) -> str:
        return self.may

    def proposals_of(self, commit: str) -> Sequence[Proposal]:
        return []

    def activity(self, ref: str, *, limit: int = 100) -> Sequence[Push]:
        return []

    def runs(self, workflow: str, *, limit: int = 20) -> Sequence[JobRun]:
        return self.ran

    def workflows(self) -> Sequence[Workflow]:
        return self.files

    def secrets(self) -> frozenset[str]:
        if isinstance(self.secret_names, Exception):
            raise self.secret_names
        return self.secret_names

    def variables(self) -> Mapping[str, str]:
        return self.set_variables

    def environments(self) -> Mapping[str, frozenset[str]]:
        return {}

    def pages(self) -> str | None:
        return self.site

    def guard(self, branch: str) -> Guard:
        return self.guarded


@pytest.fixture(scope="module")
def set_up_once(founded: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A company that is set up, to be looked at alone."""
    root = tmp_path_factory.mktemp("ready") / "acme"
    shutil.copytree(founded, root, symlinks=True)
    set_up(Company.find(root), repository="ann/acme", login="ann", source="aios==0.1.0")
    return root


@pytest.fixture
def ready(set_up_once: Path, tmp_path: Path) -> Path:
    root = tmp_path / "ready"
    shutil.copytree(set_up_once, root, symlinks=True)
    return root


def examined(root: Path, host: There) -> list[Check]:
    return list(examine_github(root, host=host))


def wrong(root: Path, host: There) -> list[Check]:
    return [check for check in examined(root, host) if check.state != "ok"]


def only(root: Path, host: There) -> Check:
    found = wrong(root, host)
    assert len(found) == 1, found
    return found[0]


def test_where_all_is_there_each_check_says_so(set_up_once: Path) -> None:
    found = examined(set_up_once, There())
    assert {check.state for check in found} == {"ok"}, found
    said = {check.what: check.says for check in found}
    assert {"forge", "approvers", "remote", "files", "repository", "jobs", "proposals", "permissions"} <= set(said)
    assert {"workflows", "heartbeat", "secrets", "app", "protection", "pages", "minutes"} <= set(said)
    assert "the gate is `aios apply`" in said["protection"]
    assert "of 2,000 in 30 days" in said["minutes"]


@pytest.mark.parametrize(
    ("host", "what", "state", "says", "hint"),
    [
        (There(told=replace(FACTS, actions=False)), "jobs", "error", "switched off", "/settings/actions"),
        (There(told=replace(FACTS, actions=None)), "jobs", "warning", "may not see", "administration: read"),
        (There(told=replace(FACTS, may_propose=False)), "proposals", "warning", "may not open", "/settings/actions"),
        (There(told=replace(FACTS, default_permissions="write")), "permissions", "warning", "may write", "actions"),
        (There(told=replace(FACTS, default_branch="trunk")), "repository", "error", "`trunk`", "git branch -m main"),
        (There(told=replace(FACTS, archived=True)), "repository", "error", "archived", "/settings/"),
        (There(told=replace(FACTS, private=False)), "repository", "warning", "everybody reads", "visibility"),
        (There(told=replace(FACTS, fork=True)), "repository", "warning", "a fork", "github.com/new"),
        (There(told=replace(FACTS, may=frozenset({"pull"}))), "repository", "error", "not push", "contents: write"),
        (There(told=CredentialsError("bad token", "renew it")), "repository", "error", "bad token", "renew it"),
        (There(may="read"), "approvers", "error", "ann approves, and may not merge", "/settings/access"),
        (There(files=[workflow(name) for name in NAMES[1:]]), "workflows", "error", "aios-apply.yml", "git push"),
        (
            There(files=[*map(workflow, NAMES[:3]), workflow("run", "disabled_inactivity")]),
            "workflows", "error", "60 days", "Enable workflow",
        ),
        (There(ran=[]), "heartbeat", "warning", "never fired", "actions/workflows/aios-run.yml"),
        (There(ran=[fired(timedelta(days=5))]), "heartbeat", "error", "5 days ago", "aios-run.yml"),
        (There(ran=[fired(timedelta(hours=1), "failure")]), "heartbeat", "warning", "ended as failure", "/runs/1"),
        (There(secret_names=frozenset({"LEFT"})), "secrets", "warning", "no job is given LEFT", "/secrets/actions"),
        (There(set_variables={"AIOS_APP_CLIENT_ID": "Iv1"}), "app", "error", "AIOS_APP_PRIVATE_KEY", "secrets"),
        (There(secret_names=frozenset({"AIOS_APP_PRIVATE_KEY"})), "app", "warning", "unused", "variables"),
        (There(set_variables={"AIOS_PAGES": "true"}), "pages", "error", "there is no site", "/settings/pages"),
        (
            There(set_variables={"AIOS_PAGES": "true"}, site="https://ann.github.io/acme"),
            "pages", "warning", "everybody can read it", "variables",
        ),
    ],
)  # fmt: skip
def test_each_thing_that_is_wrong_there_is_one_line_with_its_page(
    set_up_once: Path, host: There, what: str, state: str, says: str, hint: str
) -> None:
    found = only(set_up_once, host)
    assert (found.what, found.state) == (what, state)
    assert says in found.says
    assert hint in found.hint


def test_secrets_are_compared_by_name_with_what_jobs_are_given(rich: Path) -> None:
    set_up(Company.find(rich), repository="ann/acme", login="ann", source="aios==0.1.0")
    names = frozenset({"WORDPRESS_PASSWORD", "IMAP_PASSWORD", "PLAUSIBLE_KEY", "OPENAI_API_KEY"})
    found = wrong(rich, There(secret_names=names))
    assert [check.says.partition(" ")[0] for check in found] == ["OTHER_KEY", "SMTP_PASSWORD"]
    assert all("/settings/secrets/actions/new" in check.hint for check in found)
    assert wrong(rich, There(secret_names=names | {"OTHER_KEY", "SMTP_PASSWORD"})) == []


def test_what_a_token_may_not_see_is_said_and_the_rest_is_looked_at(set_up_once: Path) -> None:
    found = examined(set_up_once, There(secret_names=RefusedError("may not list secrets", "secrets: read")))
    said = [check for check in found if check.state != "ok"]
    assert {check.says for check in said} == {"could not be looked at: may not list secrets"}
    assert {check.what for check in found} >= {"heartbeat", "protection", "pages", "minutes"}


def test_a_protected_main_is_said_to_need_a_way_for_jobs(set_up_once: Path) -> None:
    found = {
        check.what: check
        for check in examined(set_up_once, There(guarded=Guard(protected=True, rules=("pull_request",))))
    }
    assert "pull_request" in found["protection"].says
    assert "bypass" in found["protection"].hint


def test_the_retired_service_of_models_is_refused_and_a_local_one_is_no_job_s(ready: Path) -> None:
    with (ready / "state/company.yaml").open("a") as file:
        file.write(
            "tiers:\n"
            '  small: {model: gpt, base_url: "https://models.github.ai/inference", key_env: K}\n'
            '  large: {model: own, base_url: "http://127.0.0.1:8000/v1"}\n'
        )
    commit_all(ready, "Models")
    found = {(check.what, check.state): check for check in wrong(ready, There(secret_names=frozenset({"K"})))}
    assert "ended on 2026-07-30" in found["model", "error"].says
    assert "127.0.0.1 is this machine" in found["model", "warning"].says
    assert "out of step" in found["files", "error"].says


def test_files_out_of_step_edited_or_gone_are_told(ready: Path) -> None:
    run = ready / ".github/workflows/aios-run.yml"
    run.write_text(run.read_text().replace("41 5 * * *", "41 6 * * *") + "# mine\n")
    (ready / ".github/workflows/aios-pages.yml").unlink()
    commit_all(ready, "Mine")
    found = [check for check in wrong(ready, There(files=[workflow(name) for name in NAMES])) if check.what == "files"]
    assert ["main has no" in found[0].says, "out of step" in found[1].says, "was edited" in found[2].says] == [True] * 3
    assert "aios github sync" in found[1].hint


def test_before_it_is_set_up_it_says_how(acme: Path) -> None:
    found = examined(acme, There())
    assert [check.state for check in found] == ["error"]
    assert "aios init --github" in found[0].hint


def test_without_a_token_it_looks_at_what_is_here_and_says_what_it_left_out(set_up_once: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if name not in {"GITHUB_TOKEN", "GITHUB_ACTIONS"}}
    done = subprocess.run(
        [sys.executable, "-m", "aios", "doctor", "--github", "--json"],
        cwd=set_up_once,
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )
    assert done.returncode == Exit.OK, done.stdout + done.stderr
    told = {each["what"]: each for each in json.loads(done.stdout)}
    assert told["token"]["state"] == "warning"
    assert "were not looked at" in told["token"]["says"]
    assert "personal-access-tokens/new" in told["token"]["hint"]
    assert "heartbeat" not in told
