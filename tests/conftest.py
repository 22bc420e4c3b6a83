"""What every test may use: a company's repository, copied from one template (ten times faster than making it anew)."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from aios.store.git import Git
from tests.peers import PEERS, absent

FILES = {
    "README.md": "# Acme\n",
    "memory/lessons/short-titles.md": "---\nschema: note.v1\nkind: lesson\ntitle: Short titles win\n---\nKeep them.\n",
    "state/company.yaml": "schema: company.v1\nname: Acme\n",
    "state/content/hello-world.md": "---\nschema: content.v1\ntitle: Hello\nstatus: published\n---\nHello, world.\n",
    "state/customers/acme.yaml": "schema: customer.v1\nname: Acme Translations  # old\nemail: ops@acme.example\n",
    "state/customers/brick.yaml": "schema: customer.v1\nname: Brick & Co\nemail: hi@brick.example\n",
    "state/products/pro-plan.yaml": "schema: product.v1\nname: Pro plan\n",
    "workflows/publish-content.yaml": "schema: workflow.v1\nname: publish-content\n",
}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--need-peer", action="append", default=[], help="fail where this peer is absent, see tests/peers")


def pytest_runtest_setup(item: pytest.Item) -> None:
    """A test whose peer is absent is left out, unless all peers must be there."""
    for mark in item.iter_markers("peer"):
        missing = PEERS[mark.args[0]].missing
        if missing and mark.args[0] in item.config.getoption("need_peer"):
            pytest.fail(f"{mark.args[0]} is absent: {', '.join(missing)}", pytrace=False)
        if missing:
            pytest.skip(f"{mark.args[0]} is absent")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for line in absent():
        terminalreporter.write_line(f"peer absent, tests with it were not run: {line}", yellow=True)


@pytest.fixture(scope="session", autouse=True)
def _only_our_git_settings() -> Iterator[None]:
    """The developer's own git settings must not decide whether a test passes."""
    ours = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    before = {name: os.environ.get(name) for name in ours}
    os.environ.update(ours)
    yield
    for name, value in before.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


@pytest.fixture(scope="session")
def company_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A company with a few records, committed on `main`. Copy it; do not change it."""
    root = tmp_path_factory.mktemp("template") / "company"
    for path, text in FILES.items():
        place = root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
    with Git.init(root) as git:
        git.run("config", "user.name", "Olga Operator")
        git.run("config", "user.email", "olga@acme.example")
    commit_all(root, "The company begins", at="2026-01-05T09:00:00+01:00")
    return root


@pytest.fixture
def company(company_template: Path, tmp_path: Path) -> Path:
    """A fresh company's repository, checked out on `main`."""
    root = tmp_path / "company"
    shutil.copytree(company_template, root, symlinks=True)
    return root


@pytest.fixture
def git(company: Path) -> Iterator[Git]:
    """The company's repository."""
    with Git(company) as opened:
        yield opened


def commit_all(root: Path, message: str, *, at: str = "2026-01-06T09:00:00+01:00") -> str:
    """What the operator does by hand: `git add` and `git commit` of everything; gives the commit."""
    dates = {"GIT_AUTHOR_DATE": at, "GIT_COMMITTER_DATE": at}
    for command in (["add", "-A"], ["commit", "-q", "--allow-empty", "-m", message]):
        subprocess.run(["git", *command], cwd=root, check=True, env=os.environ | dates)
    shown = subprocess.run(["git", "rev-parse", "HEAD"], cwd=root, check=True, capture_output=True, text=True)
    return shown.stdout.strip()
