"""A service renames a field between two runs: the runs go on, it is told once, and reading it anew is a proposal."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from aios.app import found_company
from aios.errors import Exit
from tests.connectors.stands.serving import Asked, Said, serve
from tests.example.test_flow import aios, told

CONNECTOR = """schema: connector.v1
use: http
retry: {attempts: 1}
settings:
  url: http://ADDRESS
  offers:
    bills.list:
      summary: What is owed.
      read: GET /bills
      query: {after: "${{ cursor }}"}
      items: data
      called: bills
      cursor: id
      gives: {id: integer, amount_due: AMOUNT, currency: string, "note?": string}
"""
WORKFLOW = """schema: workflow.v1
name: read-bills
summary: Reads what is owed.
on: {manual: {}}
subject: bills
steps:
  read: {collect: bills.list, with: {limit: 50}}
"""
POLICY = """schema: policy.v1
summary: Places that reads keep.
rules:
  - {name: places, when: 'workflow == "read-bills" && kinds == ["cursors"]', then: auto, why: it only keeps a place}
"""


@dataclass
class Bills:
    """A service that gives bills behind a number, in the words that it has at the moment."""

    name: str = "amount_due"
    bills: list[int] = field(default_factory=lambda: [1])

    def answer(self, asked: Asked) -> Said:
        after = int(asked.query.get("after") or 0)
        return Said(
            {
                "data": [
                    {"id": each, self.name: each * 1000, "currency": "EUR", "note": "ann@secret.example"}
                    for each in self.bills
                    if each >= after
                ]
            }
        )


@pytest.fixture
def service() -> Iterator[tuple[Bills, str]]:
    bills = Bills()
    address, stop = serve(bills.answer)
    yield bills, address
    stop()


def company(root: Path, address: str, *, amount: str, more: str = "") -> Path:
    found_company(root, name="Desk", email="me@desk.example", example=False)
    declared = CONNECTOR.replace("ADDRESS", address).replace("AMOUNT", "integer")
    declared = declared.replace("amount_due:", f"{amount}:") + more
    (root / "state/connectors/bank.yaml").write_text(declared)
    (root / "workflows/read-bills.yaml").write_text(WORKFLOW)
    (root / "state/policies/places.yaml").write_text(POLICY)
    git(root, "add", "-A")
    git(root, "commit", "-qm", "A bank")
    assert aios(root, "check").returncode == Exit.OK, aios(root, "check").stdout
    return root


def git(root: Path, *args: str) -> str:
    return subprocess.run(["git", *args], cwd=root, capture_output=True, text=True, check=True).stdout


def read(root: Path) -> tuple[Any, list[str]]:
    """What the run's step gave, and what it found odd."""
    done = aios(root, "run", "read-bills")
    assert done.returncode == Exit.OK, done.stdout + done.stderr
    line = git(root, "log", "-1", "--grep=Aios-Step: read", "--format=%(trailers:key=Aios-Output,valueonly)", "main")
    run = told(root, "runs", "--all")[0]["run"]
    told_of = git(root, "log", "-1", "--grep=Aios-Step: read", "--format=%(trailers:key=Aios-Context,valueonly)", "main")
    del run, told_of
    return json.loads(line)["bills"], []


def signals(root: Path) -> list[str]:
    return [each for each in git(root, "ls-tree", "-r", "--name-only", "main", "state/signals").split() if "-drift-" in each]


def test_a_renamed_field_becomes_a_proposal_and_is_read_again_once_it_is_merged(
    service: tuple[Bills, str], tmp_path: Path
) -> None:
    bills, address = service
    root = company(tmp_path / "desk", address, amount='"amount_due?"')
    assert read(root)[0] == [{"id": 1, "amount_due": 1000, "currency": "EUR", "note": "ann@secret.example"}]
    assert told(root, "tick") == []

    bills.name, bills.bills = "amount_remaining", [1, 2]
    found = read(root)[0]
    assert found == [{"id": 2, "amount_remaining": 2000, "currency": "EUR", "note": "ann@secret.example"}]
    (signal,) = signals(root)
    text = git(root, "show", f"main:{signal}")
    assert "a whole number of 4 digits" in text
    assert not any(each in text for each in ("2000", "secret.example"))
    bills.bills = [1, 2, 3]
    read(root)
    assert signals(root) == [signal]

    (started,) = told(root, "tick")
    assert started["run"].startswith("adapt-shape/bank/")
    assert told(root, "tick") == []
    (item,) = told(root, "inbox")
    assert item["title"] == "bank: `bills[].amount_due` is now `amount_remaining`: read it from there?"
    shown = aios(root, "show", "bank").stdout
    assert shown.startswith("# Bank: `bills[].amount_due` is now `amount\\_remaining`") or "amount_remaining" in shown
    assert "bills.list is read again" in shown

    assert aios(root, "approve", "bank").returncode == Exit.OK
    assert aios(root, "check").returncode == Exit.OK, aios(root, "check").stdout
    assert [(each["id"], each["amount_due"]) for each in read(root)[0]] == [(2, 2000), (3, 3000)]
    assert told(root, "tick") == []
    assert signals(root) == [signal]


def test_a_rejected_adaptation_does_not_come_again(service: tuple[Bills, str], tmp_path: Path) -> None:
    bills, address = service
    root = company(tmp_path / "desk", address, amount='"amount_due?"')
    bills.name = "amount_remaining"
    read(root)
    assert len(told(root, "tick")) == 1
    assert aios(root, "reject", "bank", "--reason", "we do not need it").returncode == Exit.OK
    bills.bills = [1, 2]
    assert "amount_remaining" in read(root)[0][0]
    assert told(root, "tick") == []
    assert told(root, "inbox") == []


@pytest.mark.parametrize("more", ["", "schema_policy: freeze\n"])
def test_where_nothing_can_be_used_the_read_fails_its_place_stays_and_the_proposal_comes_all_the_same(
    more: str, service: tuple[Bills, str], tmp_path: Path
) -> None:
    bills, address = service
    root = company(tmp_path / "desk", address, amount="amount_due", more=more)
    read(root)
    before = git(root, "show", "main:state/cursors/bank.yaml")
    bills.name, bills.bills = "amount_remaining", [1, 2]
    failed = aios(root, "run", "read-bills")
    assert failed.returncode == Exit.FAILED
    assert "`bills[].amount_due` is gone, and `amount_remaining` stands beside it" in failed.stdout + failed.stderr
    assert git(root, "show", "main:state/cursors/bank.yaml") == before
    aios(root, "cancel", "bills")
    assert [each["run"].split("/")[0] for each in told(root, "tick")] == ["adapt-shape"]
    assert aios(root, "approve", "bank").returncode == Exit.OK
    assert [each["amount_due"] for each in read(root)[0]] == [2000]
