"""A company's forge is what its record on main names."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from aios.app.company import Company
from aios.forge.github import GitHub
from tests.conftest import commit_all

FORGE = "forge:\n  use: github\n  repository: olga/acme\n  api: http://127.0.0.1:9\n"


@pytest.fixture
def on_github(company: Path) -> Path:
    record = company / "state/company.yaml"
    record.write_text(record.read_text() + FORGE)
    commit_all(company, "Proposals are reviewed on GitHub")
    return company


def test_without_settings_proposals_are_branches_alone(company: Path) -> None:
    opened = Company.find(company)
    assert opened.forge is None
    assert opened.context.forge is None


def test_the_forge_on_record_is_the_one_that_runs_are_given(on_github: Path) -> None:
    opened = Company.find(on_github)
    assert isinstance(opened.forge, GitHub)
    assert opened.context.forge is opened.forge
    assert "olga/acme" in repr(opened.forge)


def test_without_settings_nothing_of_it_is_loaded(company: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from aios.app.company import Company;"
        f"Company.find(Path({str(company)!r})).context;"
        "print([name for name in sys.modules if name.startswith(('aios.forge.', 'httpx2'))])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
