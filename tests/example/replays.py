"""Whatever a test did to a company: each of its runs, executed again from its recordings, gives the same."""

from __future__ import annotations

from pathlib import Path

from aios.app import Company
from aios.errors import RefusedError
from aios.runs.inbox import open_runs
from aios.runs.replay import Verdict, replay


def require_identical(root: Path) -> None:
    company = Company.find(root)
    with company.git:
        told = company.projection.query("SELECT run FROM runs ORDER BY run").rows
        for run in dict.fromkeys([*open_runs(company.context), *(str(row[0]) for row in told)]):
            try:
                found = list(replay(company.context, run))
            except RefusedError:
                continue  # it was started, and nothing more
            differing = [f"{each.what}: {each.why}\n{each.diff}" for each in found if each.verdict is Verdict.DIFFERS]
            assert not differing, f"{run}\n{differing[0]}"
