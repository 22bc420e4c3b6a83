"""Old notes told in prose by the operator's model: proposed, checked, approved, found; and without it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from aios.app import found_company
from aios.errors import Exit
from tests.agents.drafting import drafted
from tests.example.replays import require_identical
from tests.example.test_draft_by_a_model import configure
from tests.example.test_flow import aios, told
from tests.example.test_memory import QUESTIONS, SUMMARY, commit, research
from tests.llm.server import Says, serving


@pytest.fixture
def company(tmp_path: Path) -> Iterator[Path]:
    root = tmp_path / "fernwerk"
    found_company(root, name="", email="", example=True)
    commit(root, {f"memory/research/old-{name}.md": research(*each, "2025-01-05") for name, each in QUESTIONS.items()})
    yield root
    require_identical(root)


def telling(asked: Mapping[str, Any]) -> Says:
    return Says(json.dumps({"sections": drafted(asked["messages"][1]["content"])}))


def boasting(asked: Mapping[str, Any]) -> Says:
    sections = drafted(asked["messages"][1]["content"])
    sections[0]["paragraphs"][0].append({"text": "All 4,711 customers were delighted.", "from": ["p1"]})
    return Says(json.dumps({"sections": sections}))


def proposed(root: Path) -> str:
    done = subprocess.run(
        ["git", "show", f"aios/compact-memory/old-notes:{SUMMARY}"],
        cwd=root,
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout


def test_it_is_told_in_prose_proposed_with_its_tier_and_found_again(company: Path) -> None:
    with serving(telling) as service:
        configure(company, service.url)
        done = aios(company, "memory", "compact")
    assert done.returncode == Exit.WAITING, done.stderr
    assert len(service.asked) == 1
    text = proposed(company)
    assert "Put briefly, ninety days of notice were enough for nine of ten customers.[^research-old-notice-" in text
    shown = aios(company, "show", "old-notes").stdout
    for expected in (
        "trust derived, written by the small tier",
        "sentences of a model's, each with the passage it rests on",
        "- ✓ recall: of 3 questions of folded notes 3 found their answer before, 3 of these after",
        "120 tokens",
    ):
        assert expected in shown, shown
    assert aios(company, "approve", "old-notes").returncode == Exit.OK
    assert aios(company, "check").returncode == Exit.OK
    assert SUMMARY in [hit["path"] for hit in told(company, "recall", "how much notice is enough for customers")]
    assert "A second passage" in aios(company, "memory", "show", "memory/research/old-notice.md").stdout
    assert aios(company, "memory", "restore", "memory/research/old-notice.md").returncode == Exit.OK


def test_what_nobody_noted_is_dropped_and_the_proposal_says_so(company: Path) -> None:
    with serving(boasting) as service:
        configure(company, service.url)
        done = aios(company, "memory", "compact")
    assert done.returncode == Exit.WAITING, done.stderr
    assert len(service.asked) == 3
    assert "4,711" not in proposed(company)
    shown = aios(company, "show", "old-notes").stdout
    assert "dropped: “All 4,711 customers were delighted.”: the number 4,711 is not in what it cites" in shown
    assert "1 dropped" in shown


@pytest.mark.parametrize("says", [Says("{", cut=True), Says("Once upon a time …"), Says("", refusal="I may not.")])
def test_a_model_that_dies_raves_or_refuses_leaves_summaries_of_the_notes_own_words(company: Path, says: Says) -> None:
    with serving([says]) as service:
        configure(company, service.url)
        done = aios(company, "memory", "compact")
    assert done.returncode == Exit.WAITING, done.stderr
    assert service.asked
    assert "> Ninety days of notice were enough" in proposed(company)
    shown = aios(company, "show", "old-notes").stdout
    assert "written by the offline tier" in shown
    assert "drafted offline" in shown


def test_where_nothing_is_to_be_told_in_prose_no_model_is_asked_and_the_offline_tier_wrote_it(company: Path) -> None:
    policy = company / "memory/policy.yaml"
    policy.write_text(policy.read_text().replace("summary: prose", "summary: places"))
    with serving(telling) as service:
        configure(company, service.url)
        done = aios(company, "memory", "compact")
    assert done.returncode == Exit.WAITING, done.stderr
    assert service.asked == []
    shown = aios(company, "show", "old-notes").stdout
    assert "- offline tier: 0.00 USD" in shown
    assert "nothing of it was for a model to do" in shown
    assert "Noted from sources/interview-kontor-price-rise, characters 1–60" in proposed(company)
