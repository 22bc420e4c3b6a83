"""The body of a proposal of the example company, whole: `python -m tests.conversation.golden` writes it anew."""

from __future__ import annotations

import re
import subprocess
import tempfile
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from aios.app import Company
from aios.founding import found
from aios.proposals.review import render
from aios.runs.conductor import carry_on
from aios.runs.on_forge import BODY
from aios.runs.reviewing import review_of
from aios.runs.start import start_run

GOLDEN = Path(__file__).parent / "publish-content.md"
NOW = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)


def made(root: Path) -> str:
    """The body, without what depends on every byte of every file: commits and hashes."""
    found(root, name="Fernwerk", operator=("Mara", "mara@fernwerk.example"), example=True, now=NOW)
    company = root / "state/company.yaml"
    company.write_text(company.read_text() + "forge: {use: github, repository: mara/fernwerk}\n")
    for name, value in (("user.name", "Mara"), ("user.email", "mara@fernwerk.example")):
        subprocess.run(["git", "config", name, value], cwd=root, check=True)
    subprocess.run(["git", "commit", "-qam", "It is reviewed at GitHub"], cwd=root, check=True)
    here = Company.find(root, clock=lambda: NOW)
    with here.git:
        context = replace(here.context, forge=None, remote=None)
        given = {"topic": "Pricing page teardown"}
        run = start_run(context, "publish-content", given, trigger={"kind": "manual", "key": "golden"})
        carry_on(context, run)
        body = render(review_of(context, run), limit=BODY, heading=False)
    body = re.sub(r"\b\d+ s of work", "0 s of work", body)
    return re.sub(r"\b(?:[0-9a-f]{64}|[0-9a-f]{40}|[0-9a-f]{16}|[0-9a-f]{12})\b", "…", body)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "company").mkdir()
        GOLDEN.write_text(made(Path(folder) / "company"))
