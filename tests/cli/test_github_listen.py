"""`aios github listen` at the command line."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from aios.errors import Exit
from tests.runs import house


def aios(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "aios", "-C", str(root), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_without_a_forge_it_says_what_is_missing(tmp_path: Path) -> None:
    done = aios(house.found(tmp_path), "github", "listen")
    assert done.returncode == Exit.REFUSED
    assert "`forge` in state/company.yaml names one" in done.stderr


def test_it_is_listed_with_what_it_does(tmp_path: Path) -> None:
    done = aios(tmp_path, "github", "--help")
    assert "commands, answers, ticks" in done.stdout
