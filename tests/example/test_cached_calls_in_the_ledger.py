"""A question that a model was asked before is not paid for again: each run's ledger says so, in calls and dollars."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from aios.app import found_company
from aios.errors import Exit
from aios.example import DEMO_TOPIC
from aios.store.documents import parse
from tests.example.replays import require_identical
from tests.example.test_draft_by_a_model import SUBJECT, drafting
from tests.example.test_model_costs import configure
from tests.example.test_own_agent import ANSWER, aios, company, told
from tests.llm.server import Says, serving

__all__ = ["company"]  # the fixture
RUN = ("run", "read-churn", "--input", "subject=churn")
COLUMNS = "usd, tokens, calls, avoided, avoided_usd"
PRICED = "price: {input: 10, output: 30}"


def record(root: Path, run: str, ref: str) -> Mapping[str, Any]:
    """The run's own record on a branch."""
    git = ["git", "-C", str(root)]
    listed = subprocess.run([*git, "ls-tree", "-r", "--name-only", ref, "state/runs"], check=True, capture_output=True)
    path = next(each for each in listed.stdout.decode().split() if run.split("/")[2] in each)
    document, _ = parse(path, subprocess.run([*git, "show", f"{ref}:{path}"], check=True, capture_output=True).stdout)
    assert document is not None
    return document.data


def test_a_question_asked_again_is_told_as_avoided_everywhere(company: Path, tmp_path: Path) -> None:
    with serving([Says(ANSWER, usage=(2_000, 1_000))]) as service:
        configure(company, f"base_url: {service.url}, {PRICED}")
        for _ in range(2):
            assert aios(company, *RUN).returncode == Exit.WAITING
            assert aios(company, "approve", "read-churn/churn").returncode == Exit.OK
    assert len(service.asked) == 1
    rows = told(company, "query", f"SELECT run, {COLUMNS} FROM work ORDER BY started, run")  # noqa: S608
    told_by = [{name: row[name] for name in row if name != "run"} for row in rows]
    assert told_by == [
        {"usd": 0.05, "tokens": 3_000, "calls": 1, "avoided": 0, "avoided_usd": 0.0},
        {"usd": 0.0, "tokens": 0, "calls": 0, "avoided": 1, "avoided_usd": 0.05},
    ]
    first, second = (record(company, row["run"], "main")["work"] for row in rows)
    assert (first["calls"], first["avoided"]) == (1, {"calls": 0, "usd": 0.0})
    assert (second["calls"], second["avoided"]) == (0, {"calls": 1, "usd": 0.05})
    said = aios(company, "report", "compounding", "--html", str(tmp_path / "page.html")).stdout
    assert "The cache answered 1 call that would have cost 0.0500 USD." in said
    (report,) = told(company, "report", "compounding")
    assert [(run["avoided"], run["avoided_usd"]) for run in report["runs"]] == [(0, 0.0), (1, 0.05)]
    page = (tmp_path / "page.html").read_text()
    assert "The cache answered 1 call that would have cost 0.0500 USD." in page
    head, *lines = page.partition("<table>")[2].split("<tr>")[1:]
    place = [each.partition("</th>")[0] for each in head.split('<th scope="col">')[1:]].index("USD spared")
    cells = [[each.partition("</td>")[0] for each in line.split("<td>")[1:]] for line in lines]
    assert [line[place - 1] for line in cells] == ["0.0000", "0.0500"]


def test_a_model_without_a_price_spares_calls_and_nobody_knows_what(company: Path) -> None:
    with serving([Says(ANSWER, usage=(2_000, 1_000))]) as service:
        configure(company, f"base_url: {service.url}")
        for _ in range(2):
            assert aios(company, *RUN).returncode == Exit.WAITING
            assert aios(company, "approve", "read-churn/churn").returncode == Exit.OK
    assert len(service.asked) == 1
    (report,) = told(company, "report", "compounding")
    assert [(run["avoided"], run["avoided_usd"]) for run in report["runs"]] == [(0, 0.0), (1, None)]
    said = aios(company, "report", "compounding").stdout
    assert "The cache answered 1 call; what that would have cost is not known: the model has no price." in said


@pytest.fixture
def fernwerk(tmp_path: Path) -> Iterator[Path]:
    root = tmp_path / "fernwerk"
    found_company(root, name="", email="", example=True)
    yield root
    require_identical(root)


def test_the_same_piece_drafted_again_is_told_as_avoided(fernwerk: Path) -> None:
    run = ("run", "publish-content", "--input", f"topic={DEMO_TOPIC}")
    with serving(drafting) as service:
        configure(fernwerk, f"base_url: {service.url}, {PRICED}")
        assert aios(fernwerk, *run).returncode == Exit.WAITING
        assert aios(fernwerk, *run, "--replace").returncode == Exit.WAITING
    assert len(service.asked) == 1
    name = f"publish-content/{SUBJECT}"
    assert "the cache answered 1 of 1 call: 0.00 USD saved" in aios(fernwerk, "show", name).stdout
    assert aios(fernwerk, "approve", name).returncode == Exit.OK
    rows = told(
        fernwerk,
        "query",
        f"SELECT {COLUMNS} FROM work WHERE calls + avoided > 0 ORDER BY started, run",  # noqa: S608
    )
    assert rows[-1] == {"usd": 0.0, "tokens": 0, "calls": 0, "avoided": 1, "avoided_usd": pytest.approx(0.0016)}
