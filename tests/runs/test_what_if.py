"""A run's steps on another model or with other instructions, beside what they did."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from aios.domain.agent import AgentCall, AgentReply, Tier, Tools
from aios.domain.model import Listen, Model, ModelReply, Request, Usage
from aios.domain.tree import Tree
from aios.errors import UsageError
from aios.runs.conductor import carry_on
from aios.runs.context import Context
from aios.runs.what_if import Change, Tried, what_if
from aios.store.documents import parse
from tests.runs import house


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return house.found(tmp_path_factory.mktemp("template") / "company")


@pytest.fixture
def root(template: Path, tmp_path: Path) -> Path:
    root = shutil.copytree(template, tmp_path / "company")
    scribe = root / "state/agents/scribe.yaml"
    scribe.write_text(scribe.read_text().replace("tier: offline", "tier: small"))
    company = root / "state/company.yaml"
    company.write_text(company.read_text() + "tiers:\n  small: {model: plain}\n")
    subprocess.run(["git", "commit", "-qam", "on a model"], cwd=root, check=True)
    return root


@dataclass(frozen=True)
class Named:
    """A model that writes its own name, and the first line of its instructions."""

    name: str

    def cost(self, usage: Usage) -> float | None:
        return 0.01 if self.name == "plain" else 0.02

    def complete(self, request: Request, listen: Listen) -> ModelReply:
        told = request.messages[0].text.splitlines()[0]
        text = (
            "---\nschema: content.v1\ntitle: A fine topic\nsummary: Said by a model.\nstatus: edited\n"
            f"created: 2026-11-02T09:00:00Z\ntier: small\ntrust: derived\n---\n\nBy {self.name}. {told}\n"
        )
        answer = {"output": {"record": "a-fine-topic"}, "files": {"state/content/a-fine-topic.md": text}}
        return ModelReply(json.dumps({**answer, "title": f"by {self.name}"}), usage=Usage(10, 5), model=self.name)


def models(tree: Tree) -> Mapping[Tier, Model]:
    document = parse("company.yaml", tree.read("state/company.yaml") or b"")[0]
    assert document is not None
    return {Tier(tier): Named(given["model"]) for tier, given in document.data["tiers"].items()}


def made(root: Path) -> tuple[Context, str]:
    here = house.context(root, engines={"scout": house.scout}, models=models)
    run = house.start(here)
    carry_on(here, run)
    return here, run


def tried(here: Context, run: str, change: Change, tmp_path: Path) -> list[Tried]:
    return list(what_if(here, run, change, folder=tmp_path / "what-if"))


def test_another_model_is_shown_beside_the_one_of_then(root: Path, tmp_path: Path) -> None:
    here, run = made(root)
    with here.git:
        refs = here.git.text("for-each-ref")
        (only,) = tried(here, run, Change({"small": "clever"}, step="write"), tmp_path)
        assert here.git.text("for-each-ref") == refs
    assert only.now is not None
    assert (only.then.title, only.now.title) == ("by plain", "by clever")
    assert (only.then.usage["usd"], only.now.usage["usd"]) == (0.01, 0.02)
    assert "-By plain. Do as the test says." in only.diff
    assert "+By clever. Do as the test says." in only.diff
    assert "clever" in Path(only.recording).read_text()


def test_other_instructions_reach_the_model_of_that_step_only(root: Path, tmp_path: Path) -> None:
    here, run = made(root)
    with here.git:
        (only,) = tried(here, run, Change(instructions="Be brief.\n", step="write"), tmp_path)
    assert "+By plain. Be brief." in only.diff


def test_what_comes_behind_a_change_is_done_on_what_it_left(root: Path, tmp_path: Path) -> None:
    def two_parts(call: AgentCall, tools: Tools) -> AgentReply:
        said = house.scout(call, tools)
        return said if call.input["part"] else AgentReply({"record": "a-fine-topic", "parts": [1, 7]}, title="two")

    house_run, run = made(root)
    here = house.context(root, engines={"scout": two_parts}, models=models)
    with here.git, house_run.git:
        found = tried(here, run, Change(step="plan"), tmp_path)
    assert [each.what for each in found] == ["plan", "dig[1]", "dig[2]", "dig[3]", "write"]
    assert found[0].diff == ""
    assert found[0].now is not None
    assert found[0].now.output["parts"] == [1, 7]
    assert "memory/notes/part-7.md" in found[2].diff
    assert found[3].now is None


def test_it_ends_where_it_would_ask(root: Path, tmp_path: Path) -> None:
    def asking(call: AgentCall, tools: Tools) -> AgentReply:
        return house.asking(call, tools) if call.input["part"] == 1 else house.scout(call, tools)

    house_run, run = made(root)
    here = house.context(root, engines={"scout": asking}, models=models)
    with here.git, house_run.git:
        found = tried(here, run, Change(step="dig"), tmp_path)
    assert [each.what for each in found] == ["dig[1]"]
    assert found[0].now is not None
    assert found[0].now.event == "question.asked"


def test_what_cannot_be_changed_is_said(root: Path, tmp_path: Path) -> None:
    here, run = made(root)
    with here.git:
        with pytest.raises(UsageError, match="whose instructions"):
            tried(here, run, Change(instructions="x"), tmp_path)
        with pytest.raises(UsageError, match="no agent step `publish`"):
            tried(here, run, Change(step="publish"), tmp_path)
