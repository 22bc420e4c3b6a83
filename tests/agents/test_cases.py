"""The golden cases in the box hold, could fail, and how versions do is counted and compared honestly."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from aios.app import Company, found_company
from aios.domain.agent import AgentCall, AgentReply, Tools
from aios.domain.record import Record as CompanyRecord
from aios.errors import Exit
from aios.example import write_traffic
from aios.runs.agents import Record, chance, drift
from aios.runs.cases import cases, try_case
from aios.store.trees import OverlayTree
from tests.example.test_flow import aios, told

ROOT = Path(__file__).parents[2]
NAMES = sorted(path.stem for path in (ROOT / "state/cases").glob("*.yaml"))


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    root = tmp_path_factory.mktemp("cases") / "desk"
    found_company(root, name="Desk", email="me@desk.example", example=False)
    company = Company.find(root)
    with company.git:
        yield company


def case(company: Company, name: str) -> CompanyRecord:
    return next(each for each in cases(company.tree()) if each.id == name)


@pytest.mark.parametrize("name", NAMES)
def test_a_case_in_the_box_holds_in_a_new_company(company: Company, name: str) -> None:
    outcome = try_case(company.context, company.tree(), case(company, name))
    assert outcome.failed == ()
    assert outcome.passed


def test_every_agent_in_the_box_has_a_case(company: Company) -> None:
    agents = {path.stem for path in (ROOT / "state/agents").glob("*.yaml")}
    assert {str(each.get("agent")) for each in cases(company.tree())} == agents


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"expect": ["output.citations > 10_000"]}, "cannot be told"),
        ({"expect": ["output.citations > 10000"]}, "does not hold"),
        ({"expect": ["no_such_name == 1"]}, "cannot be told"),
        ({"refused": True}, "expected to be refused"),
        ({"input": {}}, "it failed"),
        ({"agent": "nobody"}, "there is no agent"),
    ],
)
def test_a_case_that_does_not_hold_fails_and_says_why(company: Company, changes: dict[str, Any], why: str) -> None:
    known = case(company, "writer-cites-every-sentence")
    outcome = try_case(company.context, company.tree(), replace(known, data={**known.data, **changes}))
    assert len(outcome.failed) >= 1
    assert why in outcome.failed[0]


NOTE = """---
schema: note.v1
kind: research
title: Of long ago
question: What was it?
content: another-piece
created: '2019-01-01'
---

It was long ago.
"""


def test_a_case_does_not_depend_on_notes_that_the_company_has(company: Company) -> None:
    own = OverlayTree(company.tree(), {f"memory/research/own-{n}.md": NOTE.encode() for n in range(4)})
    assert try_case(company.context, own, case(company, "archivist-folds-old-notes")).failed == ()


def test_a_refusal_for_another_reason_than_the_named_one_fails(company: Company) -> None:
    known = case(company, "writer-without-a-plan")
    mistyped = replace(known, data={**known.data, "input": {"recrod": "no-such-piece"}})
    (why,) = try_case(company.context, company.tree(), mistyped).failed
    assert why.startswith("it was refused, but not with “there is no plan”")


def test_a_deployer_that_updates_what_was_never_out_fails_its_case(company: Company) -> None:
    engine = company.context.engines["deployer"]

    def mistaken(call: AgentCall, tools: Tools) -> AgentReply:
        reply = engine(call, tools)
        return replace(reply, output={**reply.output, "capability": "cms.update"})

    context = replace(company.context, engines={**company.context.engines, "deployer": mistaken})
    outcome = try_case(context, company.tree(), case(company, "deployer-readies-an-edited-piece"))
    assert outcome.failed == ("does not hold: output.capability == 'cms.publish'",)


def test_what_needs_a_model_is_left_out_and_named(tmp_path: Path) -> None:
    root = tmp_path / "desk"
    found_company(root, name="Desk", email="me@desk.example", example=False)
    contract = root / "state/agents/editor.yaml"
    contract.write_text(contract.read_text().replace("tier: offline", "tier: small"))
    subprocess.run(["git", "commit", "-qam", "The editor thinks"], cwd=root, check=True)
    done = aios(root, "agents", "test", "editor")
    assert done.returncode == Exit.OK
    assert "needs a model, and none is configured" in done.stdout
    assert "2 left out" in done.stderr
    assert aios(root, "agents", "test", "editor", "--strict").returncode == Exit.FINDINGS
    assert "needs a model" in aios(root, "agents", "show", "editor").stdout


def test_the_commands_tell_who_there_is_and_how_it_went(tmp_path: Path) -> None:
    root = tmp_path / "fernwerk"
    found_company(root, name="", email="", example=True)
    write_traffic(root, datetime.now(UTC))
    assert aios(root, "tick").returncode in {Exit.OK, Exit.WAITING}
    rows = {row["agent"]: row for row in told(root, "agents", "list")}
    assert rows["monitor"]["attempts"] >= 1
    assert rows["monitor"]["runs on"] == "offline"
    assert "watch-content" in rows["monitor"]["used by"]
    shown = aios(root, "agents", "show", "monitor").stdout
    assert "may write" in shown
    history = json.loads(aios(root, "agents", "history", "monitor", "--json").stdout)
    assert history["versions"][0]["attempts"] == rows["monitor"]["attempts"]
    assert history["findings"] == []
    wrong = aios(root, "agents", "show", "monitr")
    assert wrong.returncode == Exit.USAGE
    assert "did you mean `monitor`?" in wrong.stderr


def test_a_question_counts_for_the_version_that_asked_it(tmp_path: Path) -> None:
    root = tmp_path / "desk"
    found_company(root, name="Desk", email="me@desk.example", example=False)
    assert aios(root, "run", "publish-content", "--input", "topic=anglerfish").returncode == Exit.WAITING
    contract = root / "state/agents/planner.yaml"
    before = int(re.search(r"^version: (\d+)$", contract.read_text(), re.MULTILINE)[1])  # type: ignore[index]
    contract.write_text(contract.read_text().replace(f"version: {before}", f"version: {before + 1}"))
    subprocess.run(["git", "commit", "-qam", "The planner's next version"], cwd=root, check=True)
    (only,) = told(root, "agents", "history", "planner")["versions"]
    assert (only["version"], only["attempts"], only["asked"]) == (before, 1, 1)


def version(number: int, attempts: int, failed: int, *, rejected: int = 0) -> Record:
    now = datetime(2026, 11, number, tzinfo=UTC)
    return Record("writer", number, attempts, failed, 0, attempts, rejected, 0.0, 0, None, now, now)


def test_a_version_that_does_worse_is_found_where_chance_explains_it_badly() -> None:
    (finding,) = drift([version(1, 40, 2), version(2, 20, 9)])
    assert "writer@2 failed or asked 9 of 20 times, version 1 2 of 40" in finding.message
    (rejected,) = drift([version(1, 30, 0, rejected=1), version(2, 12, 0, rejected=7)])
    assert "was rejected 7 of 12 times" in rejected.message


def test_too_few_equal_and_better_versions_are_no_drift() -> None:
    assert drift([version(1, 7, 0), version(2, 7, 7)]) == []
    assert drift([version(1, 40, 4), version(2, 40, 5)]) == []
    assert drift([version(1, 40, 20), version(2, 40, 2)]) == []
    assert drift([version(1, 40, 2)]) == []


def test_chance_is_fishers_exact_test() -> None:
    assert chance(1, 10, 9, 10) == pytest.approx(0.000_547, abs=1e-6)  # the textbook's tea-like table
    assert chance(0, 10, 0, 10) == 1.0
    assert chance(0, 0, 3, 5) == 1.0
