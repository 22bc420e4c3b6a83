"""A company with connectors that hold keys, models and schedules, and its workflow files as they are written."""

from __future__ import annotations

import contextlib
import io
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from aios.app import Company, found_company
from aios.app.on_github import look
from aios.cli.group import guarded
from aios.store import strict_yaml
from aios.store.trees import OverlayTree
from tests.conftest import commit_all

MAIL = """schema: connector.v1
use: mail
settings:
  smtp: {host: smtp.acme.example, username: ann@acme.example, password: {env: SMTP_PASSWORD}}
  imap: {host: imap.acme.example, username: ann@acme.example, password: {env: IMAP_PASSWORD}}
  from: {email: ann@acme.example, name: Ann}
mode: live
"""
SITE = """schema: connector.v1
use: wordpress
settings: {url: "https://blog.acme.example", username: ann, password: {env: WORDPRESS_PASSWORD}}
mode: dry-run
"""
STATS = """schema: connector.v1
use: plausible
settings: {site: acme.example, key: {env: plausible_key}}
mode: live
"""
TIERS = """tiers:
  small: {model: gpt-4o-mini, key_env: OPENAI_API_KEY}
  large: {model: other, base_url: "https://models.example/v1", key_env: OTHER_KEY}
"""
SCHEDULE = '  schedule: {cron: "0 7 * * 1-5", timezone: America/New_York}\n'


@pytest.fixture(scope="session")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A company as `aios init` makes it. Copy it; do not change it."""
    root = tmp_path_factory.mktemp("github") / "acme"
    found_company(root, name="Acme", email="ann@acme.example", example=False)
    return root


@pytest.fixture(scope="session")
def furnished(founded: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with keys, models and one more schedule."""
    root = tmp_path_factory.mktemp("furnished") / "acme"
    shutil.copytree(founded, root, symlinks=True)
    (root / "state/connectors/mail.yaml").write_text(MAIL)
    (root / "state/connectors/site.yaml").write_text(SITE)
    (root / "state/connectors/stats.yaml").write_text(STATS)
    with (root / "state/company.yaml").open("a") as file:
        file.write(TIERS)
    triage = root / "workflows/triage-support.yaml"
    text = triage.read_text()
    assert "on:\n  manual: {}\n" in text
    triage.write_text(text.replace("on:\n  manual: {}\n", f"on:\n  manual: {{}}\n{SCHEDULE}"))
    commit_all(root, "Furnish")
    return root


@pytest.fixture
def acme(founded: Path, tmp_path: Path) -> Path:
    root = tmp_path / "acme"
    shutil.copytree(founded, root, symlinks=True)
    return root


@pytest.fixture
def rich(furnished: Path, tmp_path: Path) -> Path:
    root = tmp_path / "rich"
    shutil.copytree(furnished, root, symlinks=True)
    return root


@dataclass(frozen=True, slots=True)
class Said:
    """What a command left behind."""

    code: int
    stdout: str
    stderr: str


def aios(*arguments: str) -> Said:
    """A command, as the command line runs it, in this process."""
    out, told = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(told):
        code = guarded(list(arguments))
    return Said(int(code), out.getvalue(), told.getvalue())


def written(root: Path, source: str = "aios==0.1.0") -> dict[str, str]:
    """The files that a company would be given, by path."""
    company = Company.find(root)
    tree = company.tree()
    return dict(look(company, OverlayTree(tree, {}), source=source, found=True).synced.changed)


def read(text: str) -> Mapping[str, Any]:
    """A workflow file as data."""
    data, _, findings = strict_yaml.read(text.encode(), path="")
    assert not findings, findings
    assert isinstance(data, dict)
    return data
