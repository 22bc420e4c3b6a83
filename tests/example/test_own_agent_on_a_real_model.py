"""An agent of one's own on models that nobody here wrote, and that talk nonsense: the run ends well all the same."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from aios.errors import Exit
from tests.conftest import commit_all
from tests.example import test_own_agent as own
from tests.example.test_own_agent import aios, told, waiting
from tests.peers import llama
from tests.peers.llama import Llama

pytestmark = pytest.mark.peer("llama.cpp")
company = own.company


@pytest.fixture(scope="module")
def brief(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Llama]:
    with llama.serving(tmp_path_factory.mktemp("llama"), brief=True) as serving:
        yield serving


@pytest.fixture(scope="module")
def eager(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Llama]:
    """A server whose model uses tools, again and again."""
    with llama.serving(tmp_path_factory.mktemp("llama"), tools=True) as serving:
        yield serving


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLAMA_KEY", llama.KEY)


def configure(root: Path, **tiers: Llama) -> None:
    common = f"model: {llama.MODEL}, key_env: LLAMA_KEY, price: {{input: 10, output: 30}}"
    lines = [f"  {tier}: {{{common}, base_url: {server.url}}}" for tier, server in tiers.items()]
    contract = root / "state/agents/churn-reader.yaml"
    contract.write_text(own.CONTRACT.replace("calls: 6}", "calls: 4}\ncontext: {tokens: 600, recall: 1}"))
    record = root / "state/company.yaml"
    record.write_text("\n".join([record.read_text().rstrip("\n"), "tiers:", *lines, ""]))
    commit_all(root, "Models of my own")


def test_the_doctor_hears_a_word_from_the_server_or_why_not(
    company: Path, brief: Llama, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(company, small=brief)
    said = {each["what"]: each for each in told(company, "doctor")}
    assert (said["model"]["state"], said["model"]["says"]) == ("ok", f"small: {llama.MODEL} answers")
    monkeypatch.setenv("LLAMA_KEY", "sk-wrong")
    said = {each["what"]: each for each in told(company, "doctor")}
    assert said["model"]["state"] == "error"
    assert "does not accept the key" in said["model"]["says"]


def run(root: Path, *options: str) -> dict[str, Any]:
    """Run it; what then waits for the operator. No bug of ours may have been in the way."""
    done = aios(root, "run", "read-churn", *options, "--input", "subject=churn")
    assert done.returncode == Exit.WAITING, done.stderr
    log = subprocess.run(["git", "log", "--all", "--format=%B"], cwd=root, capture_output=True, text=True, check=True)
    assert "Traceback" not in log.stdout
    (item,) = waiting(root)
    return dict(item)


def test_nonsense_is_sent_back_tried_on_the_next_tier_and_then_asked(company: Path, brief: Llama) -> None:
    configure(company, small=brief, large=brief)
    before = brief.said()
    item = run(company)
    assert item["title"].startswith("churn-reader found no answer that its contract accepts")
    assert item["options"] == ["try again", "stop the run"]
    made = brief.said() - before
    assert item["tokens"] > made > 0
    assert 0 < item["usd"] < 1.0
    again = run(company, "--replace")
    assert (again["title"], again["usd"], again["tokens"]) == (item["title"], 0, 0)
    assert brief.said() == before + made
    aios(company, "answer", "read-churn/churn", "try again")
    assert brief.said() > before + made


def test_who_does_nothing_but_use_tools_is_stopped_by_the_budget(company: Path, eager: Llama) -> None:
    configure(company, small=eager)
    contract = company / "state/agents/churn-reader.yaml"
    contract.write_text(contract.read_text().replace("usd: 0.50", "usd: 0.01"))
    commit_all(company, "Less money")
    item = run(company)
    assert "all that its contract grants" in item["title"]
    assert item["options"] == ["go on", "stop the run"]
    assert 0.01 < item["usd"] < 0.3
