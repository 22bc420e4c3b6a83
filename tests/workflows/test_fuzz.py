"""However a workflow is mangled, it is checked or refused: never a crash, never a hang."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.records.dict_tree import REPOSITORY

BATCH = 150
SECONDS = 120  # for a batch; it takes about a twentieth


@pytest.mark.parametrize("seed", [0, 10_000, 20_000])
def test_a_mangled_workflow_is_refused_with_findings(seed: int) -> None:
    child = subprocess.run(
        [sys.executable, "-W", "error", "-m", "tests.workflows.mangle", str(seed), str(BATCH)],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
    )
    assert child.returncode == 0, child.stdout.splitlines()[-1:] + child.stderr.splitlines()[-15:]
    rows = [json.loads(line) for line in child.stdout.splitlines()]
    assert len(rows) == BATCH
    assert max(seconds for _, _, seconds in rows) < 10
    assert sum(1 for _, findings, _ in rows if findings) > BATCH / 2
