"""An agent of the operator's own, on a model of theirs: a contract, instructions, a workflow, and nothing else."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from aios.app import found_company
from aios.errors import Exit
from tests.example.replays import require_identical
from tests.llm.server import Says, serving

CONTRACT = """schema: agent.v1
name: churn-reader
version: 1
summary: Notes what the sources say about churn.
tier: small
event: churn.noted
input: {type: object, properties: {subject: {type: string}}, required: [subject]}
output: {type: object, properties: {note: {type: string}}, required: [note]}
reads: ["state/sources/**"]
writes: ["memory/notes/*.md"]
budget: {usd: 0.50, calls: 6}
"""
WORKFLOW = """schema: workflow.v1
name: read-churn
summary: Note what is said about churn.
on: {manual: {}}
inputs: {subject: {type: string}}
subject: "${{ slug(inputs.subject) }}"
steps:
  read: {agent: churn-reader, with: {subject: "${{ inputs.subject }}"}}
  approve: {gate: operator, needs: [read]}
"""
NOTE = """---
schema: note.v1
kind: note
title: Churn after a rise
trust: derived
---

Churn comes back within three months.
"""
ANSWER = json.dumps(
    {
        "output": {"note": "memory/notes/churn.md"},
        "files": {"memory/notes/churn.md": NOTE},
        "title": "What is said about churn",
        "reasons": [{"what": "three sources agree", "why": "each gives figures"}],
        "confidence": 0.9,
    }
)


@pytest.fixture
def company(tmp_path: Path) -> Iterator[Path]:
    root = tmp_path / "fernwerk"
    found_company(root, name="", email="", example=True)
    (root / "state/agents/churn-reader.yaml").write_text(CONTRACT)
    (root / "state/agents/churn-reader.md").write_text("Read what the sources say about churn, and note it.\n")
    (root / "workflows/read-churn.yaml").write_text(WORKFLOW)
    yield root
    require_identical(root)


def aios(root: Path, *args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "aios", *args], cwd=root, capture_output=True, text=True, check=False)


def configure(root: Path, url: str) -> None:
    record = root / "state/company.yaml"
    tier = f"tiers:\n  small: {{model: tiny, base_url: {url}, price: {{input: 10, output: 30}}}}\n"
    record.write_text(record.read_text() + tier)
    for command in (["add", "-A"], ["commit", "-qm", "An agent of my own"]):
        subprocess.run(["git", *command], cwd=root, check=True)


def told(root: Path, *args: str) -> Any:
    return json.loads(aios(root, *args, "--json").stdout)


def waiting(root: Path) -> list[dict[str, Any]]:
    """What waits of runs: the example company has a question of its own open besides."""
    return [item for item in told(root, "inbox") if item["run"]]


def test_it_reads_writes_and_proposes_like_any_other_and_its_cost_is_told(company: Path) -> None:
    calls = Says(calls=[("recall", {"query": "churn after a price rise"}), ("read", {"path": "state/company.yaml"})])
    with serving([calls, Says(ANSWER)]) as service:
        configure(company, service.url)
        assert aios(company, "check").returncode == Exit.OK
        done = aios(company, "run", "read-churn", "--input", "subject=churn")
    assert done.returncode == Exit.WAITING, done.stderr
    shown = aios(company, "show", "read-churn/churn").stdout
    assert "new: memory/notes/churn “Churn after a rise”" in shown
    assert "0.00" in shown
    assert "240 tokens" in shown
    results = [message["content"] for message in service.asked[1]["messages"] if message["role"] == "tool"]
    assert "[data " in results[0]
    assert "state/sources/" in results[0]
    assert results[1].startswith("refused")
    assert aios(company, "approve", "read-churn/churn").returncode == Exit.OK
    rows = told(company, "query", "SELECT usd, tokens FROM runs WHERE workflow = 'read-churn'")
    assert rows == [{"usd": 0.0032, "tokens": 240}]


def test_without_a_model_it_says_what_is_missing_and_the_rest_works(company: Path) -> None:
    subprocess.run(["git", "add", "-A"], cwd=company, check=True)
    subprocess.run(["git", "commit", "-qm", "No model yet"], cwd=company, check=True)
    failed = aios(company, "run", "read-churn", "--input", "subject=churn")
    assert failed.returncode == Exit.FAILED
    assert "needs a model, and none is configured" in failed.stderr
    assert "`tiers` in state/company.yaml" in failed.stderr


def test_what_breaks_the_contract_never_reaches_the_branch(company: Path) -> None:
    greedy = json.loads(ANSWER) | {"files": {"state/company.yaml": "name: Mine\n"}}
    with serving([Says(json.dumps(greedy))]) as service:
        configure(company, service.url)
        done = aios(company, "run", "read-churn", "--input", "subject=churn")
    assert done.returncode == Exit.WAITING
    assert "may not write state/company.yaml" in done.stderr
    assert [item["kind"] for item in waiting(company)] == ["question"]
    branch = subprocess.run(
        ["git", "diff", "--name-only", "main", "aios/read-churn/churn"],
        cwd=company,
        capture_output=True,
        text=True,
        check=True,
    )
    assert branch.stdout == ""


def test_the_doctor_asks_each_model_for_a_word(company: Path) -> None:
    with serving([Says("ready")]) as service:
        configure(company, service.url)
        said = {each["what"]: each for each in told(company, "doctor")}
        assert (said["model"]["state"], said["model"]["says"]) == ("ok", "small: tiny answers")
    said = {each["what"]: each for each in told(company, "doctor")}
    assert said["model"]["state"] == "error"
    assert "cannot be reached" in said["model"]["says"]


def test_what_was_answered_before_costs_nothing_again(company: Path) -> None:
    with serving([Says(ANSWER)]) as service:
        configure(company, service.url)
        aios(company, "run", "read-churn", "--input", "subject=churn")
        aios(company, "run", "read-churn", "--replace", "--input", "subject=churn")
    assert len(service.asked) == 1
    assert "0 tokens" in aios(company, "show", "read-churn/churn").stdout


@pytest.mark.parametrize(("answer", "kind"), [("go on", "proposal"), ("stop the run", "")])
def test_a_run_that_has_spent_its_budget_asks_before_it_spends_more(company: Path, answer: str, kind: str) -> None:
    twice = WORKFLOW.replace(
        "  approve:", '  again: {agent: churn-reader, needs: [read], with: {subject: "more"}}\n  approve:'
    )
    twice = twice.replace("needs: [read]}\n", "needs: [again]}\n").replace("steps:", "budget: {usd: 0.001}\nsteps:")
    (company / "workflows/read-churn.yaml").write_text(twice)
    with serving([Says(ANSWER)]) as service:
        configure(company, service.url)
        asked = aios(company, "run", "read-churn", "--input", "subject=churn")
        assert "all that its workflow grants" in asked.stderr
        assert len(service.asked) == 1
        aios(company, "answer", "read-churn/churn", answer)
        assert len(service.asked) == (2 if kind else 1)
    assert [item["kind"] for item in waiting(company)] == ([kind] if kind else [])
