"""A service that only its YAML knows, used by a workflow of the operator's own: from a run to its receipt."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from aios.app import found_company
from aios.errors import Exit
from tests.connectors.stands import Stand
from tests.connectors.stands.rest import serve_rest
from tests.example.replays import require_identical
from tests.example.test_flow import aios, told, waiting

WORKFLOW = """schema: workflow.v1
name: answer-ticket
summary: Answer a ticket of the desk in the operator's own words.
on: {manual: {}}
inputs:
  ticket: {type: string, minLength: 1}
  text: {type: string}
subject: "${{ slug('ticket-' + inputs.ticket) }}"
steps:
  approve: {gate: operator}
  reply:
    effect: tickets.reply
    needs: [approve]
    with: {ticket: "${{ inputs.ticket }}", text: "${{ inputs.text }}"}
"""


@pytest.fixture
def desk() -> Iterator[Stand]:
    stand = serve_rest()
    yield stand
    stand.stop()


@pytest.fixture
def company(tmp_path: Path, desk: Stand) -> Iterator[Path]:
    root = tmp_path / "fernwerk"
    found_company(root, name="", email="", example=True)
    connector = {"schema": "connector.v1", "use": "http", "settings": dict(desk.settings(desk.address))}
    (root / "state/connectors/desk.yaml").write_text(yaml.safe_dump(connector, sort_keys=False))
    (root / "workflows/answer-ticket.yaml").write_text(WORKFLOW)
    commit(root)
    yield root
    require_identical(root)


def commit(root: Path) -> None:
    subprocess.run(["git", "add", "-A"], cwd=root, check=True)
    subprocess.run(["git", "commit", "-qm", "By hand"], cwd=root, check=True)


def test_what_the_workflow_gives_is_approved_sent_once_and_receipted(
    company: Path, desk: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOKEN", "s3cret-value-nobody-may-see")
    assert aios(company, "check").returncode == Exit.OK
    before = desk.count().total()
    run = ("run", "answer-ticket", "--input", "ticket=2", "--input", "text=Yes, tomorrow.")
    done = aios(company, *run)
    assert done.returncode == Exit.WAITING, done.stderr
    (item,) = waiting(company)
    assert "Yes, tomorrow." in aios(company, "show", item["id"]).stdout
    assert aios(company, "approve", item["id"], "--confirm", "ticket-2", "--apply").returncode == Exit.OK
    assert desk.count().total() == before + 1
    assert aios(company, "apply").returncode == Exit.OK
    assert desk.count().total() == before + 1
    (record,) = [each for each in told(company, "runs", "--all") if each["run"].startswith("answer-ticket/")]
    assert record["status"] == "done"
    undone = aios(company, "revert", "ticket-2", "--yes")
    assert undone.returncode == Exit.OK, undone.stderr
    assert desk.snapshot()[1] == {}


def test_a_payload_that_does_not_fit_is_told_before_anybody_is_asked(
    company: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOKEN", "s3cret-value-nobody-may-see")
    done = aios(company, "run", "answer-ticket", "--input", "ticket=2", "--input", "text=")
    assert done.returncode != Exit.OK
    assert "tickets.reply cannot be planned: the payload:" in done.stderr
    assert "aios connectors show desk" in done.stderr


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ('with: {ticket: "2", text: hello, subject: x}', "the effect tickets.reply takes no `subject`"),
        ('with: {ticket: "2"}', "the effect tickets.reply needs `text`"),
    ],
)
def test_what_it_does_not_take_is_a_finding(company: Path, wrong: str, says: str) -> None:
    text = WORKFLOW[: WORKFLOW.rindex("with:")] + wrong + "\n"
    (company / "workflows/answer-ticket.yaml").write_text(text)
    done = aios(company, "check")
    assert done.returncode == Exit.FINDINGS
    assert says in done.stdout
    (company / "workflows/answer-ticket.yaml").write_text(WORKFLOW)
