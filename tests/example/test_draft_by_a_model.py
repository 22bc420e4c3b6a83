"""A piece drafted with the operator's model: checked sentence by sentence, published, explained; and without it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from aios.app import found_company
from aios.errors import Exit
from aios.example import DEMO_TOPIC
from tests.agents.drafting import drafted, in_short
from tests.example.replays import require_identical
from tests.example.test_flow import aios, told
from tests.llm.server import Says, serving

SUBJECT = "raising-prices-for-existing-customers"


@pytest.fixture
def company(tmp_path: Path) -> Iterator[Path]:
    root = tmp_path / "fernwerk"
    found_company(root, name="", email="", example=True)
    yield root
    require_identical(root)


def configure(root: Path, url: str, more: str = "") -> None:
    record = root / "state/company.yaml"
    tiers = f"tiers:\n  small: {{model: tiny, base_url: {url}, price: {{input: 10, output: 30}}}}\n{more}"
    record.write_text(record.read_text() + tiers)
    subprocess.run(["git", "commit", "-qam", "A model"], cwd=root, check=True)


def drafting(asked: Mapping[str, Any]) -> Says:
    return Says(json.dumps({"sections": drafted(asked["messages"][1]["content"])}))


def boasting(asked: Mapping[str, Any]) -> Says:
    """One sentence of the piece is the model's own invention, however often it is sent back."""
    sections = drafted(asked["messages"][1]["content"])
    sections[0]["paragraphs"][0].append({"text": "Our readers earn 4,711 euros more.", "from": []})
    return Says(json.dumps({"sections": sections}))


def run(root: Path) -> subprocess.CompletedProcess[str]:
    return aios(root, "run", "publish-content", "--input", f"topic={DEMO_TOPIC}")


def test_it_is_drafted_checked_published_and_explained(company: Path) -> None:
    with serving(drafting) as service:
        configure(company, service.url)
        done = run(company)
    assert done.returncode == Exit.WAITING, done.stderr
    assert len(service.asked) == 1
    shown = aios(company, "show", SUBJECT).stdout
    assert "Put briefly" in shown
    assert "**unverified**" not in shown
    assert "120 tokens" in shown
    assert aios(company, "approve", SUBJECT, "--apply").returncode in {Exit.OK, Exit.WAITING}
    page = (company / f"public/{SUBJECT}/index.html").read_text()
    assert "Put briefly" in page
    explained = aios(company, "explain", "Put briefly").stdout
    assert "supported by" in explained
    assert "a model's words" in explained
    (row,) = told(company, "query", "SELECT usd, tokens FROM runs WHERE workflow = 'publish-content'")
    assert row["tokens"] == 120
    assert row["usd"] == pytest.approx(0.0016)


def test_an_invention_is_the_first_thing_that_the_operator_reads(company: Path) -> None:
    with serving(boasting) as service:
        configure(company, service.url)
        done = run(company)
    assert done.returncode == Exit.WAITING, done.stderr
    assert len(service.asked) == 3
    shown = aios(company, "show", SUBJECT).stdout
    evidence = shown[shown.index("## Evidence") :]
    assert "1 unverified" in evidence.splitlines()[2]
    assert evidence.splitlines()[3].startswith("- **unverified**: Our readers earn 4,711 euros more.")
    assert f"state/content/{SUBJECT}.md:" in evidence.splitlines()[3]
    assert "1 sentence unverified" in shown[: shown.index("## Effects")]
    assert "it gives a number and cites nothing" in shown
    assert "no source supports" not in shown
    assert aios(company, "check").returncode == Exit.OK


def test_a_model_that_dies_half_way_leaves_an_offline_draft_and_a_plain_word(company: Path) -> None:
    with serving([Says("{", cut=True)]) as service:
        configure(company, service.url)
        done = run(company)
    assert done.returncode == Exit.WAITING, done.stderr
    shown = aios(company, "show", SUBJECT).stdout
    assert "drafted offline" in shown
    assert "“" in shown
    text = subprocess.run(
        ["git", "show", f"aios/publish-content/{SUBJECT}:state/content/{SUBJECT}.md"],
        cwd=company,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    assert "tier: offline" in text


def test_a_model_that_talks_nonsense_changes_nothing_of_the_offline_draft(company: Path) -> None:
    with serving([Says("Once upon a time …")]) as service:
        configure(company, service.url)
        done = run(company)
    assert done.returncode == Exit.WAITING, done.stderr
    shown = aios(company, "show", SUBJECT).stdout
    assert "drafted offline" in shown
    assert "no draft held against the rules" in shown


def test_a_company_may_keep_its_writer_offline(company: Path) -> None:
    with serving(drafting) as service:
        configure(company, service.url, "  agents: []\n")
        done = run(company)
    assert done.returncode == Exit.WAITING, done.stderr
    assert service.asked == []


def test_in_short_is_what_the_tests_take_for_a_paraphrase() -> None:
    assert in_short("p1", "Ninety days are enough.") == {
        "text": "Put briefly, ninety days are enough.",
        "from": ["p1"],
    }
