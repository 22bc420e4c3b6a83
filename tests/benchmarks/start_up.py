"""Start-up, in CPU milliseconds of the whole process: ours beside a bare click program and `git status`."""

from __future__ import annotations

import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

ROUNDS = 9
RECORDS = 10_000

BARE = """
import click
@click.group()
def main(): pass
@main.command()
def one(): pass
main()
"""


class Row(NamedTuple):
    name: str
    ours: float
    peer: float | None
    ratio: float | None
    target: str


def _cpu(command: list[str], cwd: Path) -> float:
    """CPU milliseconds (user and system, children included) of one run."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, cwd=cwd, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return 1000 * (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def _pair(ours: list[str], peer: list[str], cwd: Path) -> tuple[float, float]:
    """Medians of interleaved runs, after one warm-up each."""
    _cpu(ours, cwd), _cpu(peer, cwd)
    told = [(_cpu(ours, cwd), _cpu(peer, cwd)) for _ in range(ROUNDS)]
    return statistics.median(each for each, _ in told), statistics.median(each for _, each in told)


def run() -> list[Row]:
    python = sys.executable
    with tempfile.TemporaryDirectory() as place:
        root = Path(place)
        (root / "bare.py").write_text(BARE)
        bare = [python, str(root / "bare.py"), "--help"]
        rows = []
        for arguments, target in ((["--help"], "≤ 1.3 × bare click"), (["--version"], "≤ 1.3 × bare click")):
            ours, peer = _pair([python, "-m", "aios", *arguments], bare, root)
            rows.append(Row(f"aios {arguments[0]}, CPU ms (peer: bare click)", ours, peer, ours / peer, target))
        company = _company(root / "company")
        ours, peer = _pair([python, "-m", "aios", "status"], ["git", "status"], company)
        rows.append(
            Row(
                f"aios status, {RECORDS:,} records warm, CPU ms (peer: git status)", ours, peer, ours / peer, "≤ 300 ms"
            )
        )
    return rows


def _company(root: Path) -> Path:
    """A company of many customers."""
    customers = {
        f"state/customers/customer-{number:05}.yaml": f"schema: customer.v1\nname: Customer {number}\n"
        f"email: c{number}@customer.example\nstatus: active\nsince: 2026-01-01\n"
        for number in range(RECORDS)
    }
    return company_of(root, customers)


def company_of(root: Path, files: Mapping[str, str]) -> Path:
    """A company with the machinery of this repository's, and files of one's own."""
    top = Path(__file__).parents[2]
    for part in ("state", "workflows"):
        shutil.copytree(top / part, root / part)
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    env = {**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null"}
    (root / ".gitignore").write_text(".aios/\n")
    for command in (
        ["init", "-q", "-b", "main"],
        ["config", "user.email", "b@test.example"],
        ["config", "user.name", "B"],
        ["add", "-A"],
        ["commit", "-qm", "start"],
    ):
        subprocess.run(["git", *command], cwd=root, env=env, check=True)
    return root
