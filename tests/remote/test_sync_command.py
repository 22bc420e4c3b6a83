"""`aios sync` and what commands say of what is not pushed yet, as the operator sees it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.remote.hub import TOKEN, git
from tests.remote.machines import NOWHERE, Machines, edit, shared

FORGE = "forge:\n  use: github\n  repository: me/company\n  api: {api}\n  token: {{env: COMPANY_TOKEN}}\n"


@pytest.fixture
def machines(tmp_path: Path) -> Iterator[Machines]:
    with shared(tmp_path) as made:
        yield made


def aios(place: Path, *args: str) -> tuple[int, str, str]:
    env = {**os.environ, "COMPANY_TOKEN": TOKEN, "PYTHONPATH": str(Path(__file__).parents[2])}
    env.pop("GITHUB_ACTIONS", None)
    done = subprocess.run(
        [sys.executable, "-m", "aios", "--no-input", *args],
        cwd=place,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert TOKEN not in done.stdout + done.stderr
    return done.returncode, done.stdout, done.stderr


def test_sync_tells_does_and_is_told_of_what_could_not_be_pushed(machines: Machines) -> None:
    a = machines.clone("a")
    assert aios(a, "sync")[0] == 3  # no forge, nothing to sync with
    record = (a / "state/company.yaml").read_text() + FORGE.format(api="http://127.0.0.1:9")
    edit(a, "state/company.yaml", record, "on a forge")
    code, _, said = aios(a, "sync", "--check")
    assert (code, said) == (1, "`main` would be pushed (1 commit).\n")
    assert aios(a, "sync") == (0, "", "`main` pushed (1 commit).\n")
    assert aios(a, "sync", "--check") == (0, "", "Both copies are the same.\n")
    assert machines.told()[0] == "on a forge"

    git(a, "config", NOWHERE, machines.hub.url("x").rpartition("/")[0] + "/")
    code, _, said = aios(a, "sync")
    assert (code, said.splitlines()[0]) == (5, "error: origin cannot be reached")
    edit(a, "x.md", "x\n")
    assert "Not pushed yet: 1 commit of `main`; `aios sync` does it." in aios(a, "inbox")[2]
    git(a, "config", "--unset-all", NOWHERE)
    machines.hub.tokens.clear()
    code, _, said = aios(a, "sync")
    assert (code, said.splitlines()[0]) == (3, "error: origin does not let us fetch")
    machines.hub.tokens.add(TOKEN)
    code, out, _ = aios(a, "sync", "--json")
    assert (code, json.loads(out)["told"]) == (
        0,
        [{"branch": "main", "what": "pushed", "detail": "1 commit", "stuck": False}],
    )
