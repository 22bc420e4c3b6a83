"""An agent in the box on a model: what the model does right is kept; whatever goes wrong, its own engine does it."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from aios.domain.agent import AgentCall, AgentReply, Engine, Tier, Tools
from aios.domain.front_matter import render_markdown
from aios.domain.model import Listen, Message, Model, ModelReply, Request, Role, Usage
from aios.domain.run import GO_ON, OFFLINE, STOP, RunStatus
from aios.errors import AiosError, OverBudgetError, RefusedError, TransientError
from aios.runs.conductor import carry_on
from aios.runs.context import Assisted, Context, Progress
from aios.runs.gate import answer
from aios.runs.replay import Verdict, replay
from aios.runs.session import events_of
from aios.runs.start import start_run
from aios.runs.traces import manifest_of
from tests.agents.scripted import Scripted
from tests.runs import house

PIECE = "state/content/a-fine-topic.md"
NEVER = AssertionError("this model is not to be asked")


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = house.found(tmp_path_factory.mktemp("routing") / "company")
    configure(root, "")
    return root


@pytest.fixture
def root(template: Path, tmp_path: Path) -> Path:
    return shutil.copytree(template, tmp_path / "company")


def configure(root: Path, more: str) -> None:
    tiers = f"tiers:\n  small: {{model: tiny}}\n  large: {{model: big}}\n{more}"
    (root / "state/company.yaml").write_text(house.COMPANY + tiers)
    subprocess.run(["git", "commit", "-qam", "models"], cwd=root, check=True)


def scribe(models: Mapping[Tier, Model], judge: Callable[[AgentReply], Sequence[str]]) -> Engine:
    """Writes what the model says to where the model says."""

    def engine(call: AgentCall, tools: Tools) -> AgentReply:
        (model,) = models.values()
        said = model.complete(Request((Message(Role.USER, f"Write about {call.input['topic']}."),)), lambda _: None)
        path, _, text = said.text.partition(" ")
        data = {"schema": "content.v1", "title": "A fine topic", "summary": "By a model.", "status": "edited"}
        data |= {"created": call.now, "tier": "small", "trust": "derived"}
        return AgentReply({"record": "a-fine-topic"}, {path: render_markdown(data, f"{text}\n")}, title="by a model")

    return engine


def on_models(root: Path, small: Scripted, large: Scripted | None = None, **more: Any) -> Context:
    models = {Tier.SMALL: small} | ({Tier.LARGE: large} if large else {})
    return house.context(root, models=lambda _: models, assisted={"scribe": scribe}, **more)


def written(here: Context) -> dict[str, Any]:
    """The run up to the gate: what its writing step left."""
    with here.git:
        run = house.start(here)
        standing = carry_on(here, run)
        return told(here, run) | {"status": standing.status, "run": run}


def told(here: Context, run: str) -> dict[str, Any]:
    event = [each for each in events_of(here.git, run, main="main") if each.trailer("Step") == "write"][-1]
    manifest = manifest_of(here.git, run, event.trailer("Context")) or {}
    piece = here.git.read_blob(f"{event.commit}:{PIECE}") or b""
    return {
        "event": event.type,
        "asks": event.output,
        "usage": json.loads(event.trailer("Usage") or "{}"),
        "reasons": [each["what"] for each in manifest.get("reasons", ())],
        "findings": [each["message"] for each in manifest.get("findings", ())],
        "route": manifest.get("manifest", {}).get("model", {}).get("route", {}),
        "piece": piece.decode().rpartition("---")[2].strip(),
    }


def test_what_the_model_writes_is_kept_with_who_wrote_it_and_why(root: Path) -> None:
    found = written(on_models(root, Scripted([f"{PIECE} Well said."])))
    assert (found["piece"], found["findings"]) == ("Well said.", [])
    assert found["reasons"] == ["small tier (tiny)"]
    assert found["route"]["tier"] == "small"
    assert found["route"]["why"].startswith("small tier (tiny): the lowest that may do it")
    assert found["usage"]["tiers"] == {"small": "right"}
    assert (found["usage"]["usd"], found["usage"]["agent"]) == (0.01, "scribe@1")


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (RefusedError("tiny refuses: I will not"), "small tier: tiny refuses: I will not"),
        (TransientError("tiny's answer broke off"), "small tier: tiny's answer broke off"),
        ("state/company.yaml Mine.", "small tier: scribe may not write state/company.yaml"),
    ],
)
def test_whatever_goes_wrong_with_the_model_its_own_engine_does_it_and_says_so(
    root: Path, said: str | Exception, why: str
) -> None:
    found = written(on_models(root, Scripted([said])))
    assert found["status"] is RunStatus.WAITING
    assert "Part 1 of A fine topic" in found["piece"]
    assert found["findings"] == [f"drafted offline: {why}"]
    assert (found["reasons"][0], found["route"]["tier"]) == ("offline tier", "offline")


def test_what_one_tier_cannot_do_the_next_one_is_asked(root: Path) -> None:
    large = Scripted([f"{PIECE} Better."], name="big", price=0.2)
    found = written(on_models(root, Scripted(["notes/elsewhere.md No."]), large))
    assert (found["piece"], found["findings"]) == ("Better.", [])
    assert found["usage"]["tiers"] == {"small": "wrong", "large": "right"}
    assert (found["usage"]["usd"], found["usage"]["calls"]) == (0.21, 2)


def test_a_tier_that_was_often_wrong_is_asked_last(root: Path) -> None:
    small, large = Scripted([NEVER]), Scripted([f"{PIECE} Better."], name="big")
    known = {"small": {"right": 1, "wrong": 4}}
    found = written(on_models(root, small, large, prospects=lambda *_: known))
    assert (found["piece"], found["usage"]["models"]) == ("Better.", ["big"])
    assert "tiny comes last: 1 of 5 answers were accepted" in found["route"]["why"]


@pytest.mark.parametrize(("to", "piece"), [("[large, operator]", "Better."), ("[operator]", "Well said.")])
def test_what_one_tier_is_not_sure_of_a_higher_one_tries_where_the_contract_says(
    root: Path, to: str, piece: str
) -> None:
    contract = root / "state/agents/scribe.yaml"
    contract.write_text(contract.read_text() + f"escalate: {{below: 0.6, to: {to}}}\n")
    subprocess.run(["git", "commit", "-qam", "escalate"], cwd=root, check=True)
    large = Scripted([f"{PIECE} Better."], name="big")
    here = on_models(root, Scripted([f"{PIECE} Well said."]), large)
    found = written(replace(here, assisted={"scribe": _confident({"tiny": 0.4, "big": 0.5})}))
    assert found["piece"] == piece
    worse = Scripted([RefusedError("no")], name="big")
    here = on_models(root, Scripted([f"{PIECE} Well said."]), worse)
    again = replace(here, assisted={"scribe": _confident({"tiny": 0.4})})
    with again.git:
        run = start_run(
            again, "write-piece", {"topic": "A fine topic"}, trigger=house.TRIGGER | {"key": "2"}, replace=True
        )
        carry_on(again, run)
        assert told(again, run)["piece"] == "Well said."


def _confident(by_model: Mapping[str, float]) -> Assisted:
    def confident(models: Mapping[Tier, Model], judge: Callable[[AgentReply], Sequence[str]]) -> Engine:
        (model,) = models.values()
        return lambda call, tools: replace(scribe(models, judge)(call, tools), confidence=by_model[model.name])

    return confident


def test_models_have_less_time_than_the_step_so_that_it_can_end_by_itself(root: Path) -> None:
    found = written(on_models(root, InTime([])))
    assert 200 < float(found["piece"]) <= 285


@dataclass
class InTime(Scripted):
    """Says how much time it was given."""

    def complete(self, request: Request, listen: Listen) -> ModelReply:
        return ModelReply(f"{PIECE} {request.terms.seconds}", usage=Usage(1, 1), model=self.name)


@pytest.mark.parametrize("more", ["  agents: []\n", "  agents: [planner]\n"])
def test_the_company_decides_who_may_ask_a_model(root: Path, more: str) -> None:
    configure(root, more)
    here = on_models(root, Scripted([NEVER]))
    found = written(here)
    assert (found["usage"], found["findings"], found["reasons"]) == ({}, [], [])
    assert "Part 1" in found["piece"]
    recorded = here.git.text("ls-tree", "-r", "--name-only", "aios/traces").split()
    assert not [path for path in recorded if path.startswith("recordings/")]


def test_without_a_model_nothing_is_different(root: Path) -> None:
    (root / "state/company.yaml").write_text(house.COMPANY)
    subprocess.run(["git", "commit", "-qam", "no models"], cwd=root, check=True)
    found = written(on_models(root, Scripted([NEVER])))
    assert (found["usage"], found["findings"], found["reasons"]) == ({}, [], [])


@dataclass
class Limited(Scripted):
    """A model that wants to be let go on."""

    def complete(self, request: Request, listen: Listen) -> ModelReply:
        if not request.terms.grants:
            raise OverBudgetError("4.99 of 5.00 USD are spent today", "see limits")
        return super().complete(request, listen)


@pytest.mark.parametrize(("said", "piece"), [(GO_ON, "Well said."), (OFFLINE, "Part 1 of A fine topic")])
def test_over_budget_the_operator_decides(root: Path, said: str, piece: str) -> None:
    here = on_models(root, Limited([f"{PIECE} Well said."]))
    found = written(here)
    assert found["event"] == "question.asked"
    assert found["asks"]["options"] == [GO_ON, OFFLINE, STOP]
    assert found["asks"]["text"] == "4.99 of 5.00 USD are spent today. Shall it go on?"
    with here.git:
        answer(here, found["run"], text=said)
        carry_on(here, found["run"])
        found = told(here, found["run"])
    assert piece in found["piece"]
    assert "Guided" not in found["piece"]


@pytest.mark.parametrize(
    "answers",
    [
        [f"{PIECE} Well said."],
        [RefusedError("the key is not accepted")],
        [OverBudgetError("4.99 of 5.00 USD are spent today", "see limits")],
        ["state/company.yaml Mine."],
    ],
)
def test_a_replay_takes_the_same_way(root: Path, answers: list[str | Exception]) -> None:
    here = on_models(root, Scripted(answers), prospects=lambda *_: {"left": 1.0})
    with here.git:
        run = house.start(here)
        carry_on(here, run)
        elsewhere = replace(here, models=_nobody, prospects=lambda *_: {"left": 0.0, "small": {"window": 10}})
        verdicts = {each.what: each.verdict for each in replay(elsewhere, run)}
    assert Verdict.DIFFERS not in verdicts.values()


def _nobody(_: Any) -> dict[Tier, Model]:
    raise RefusedError("nobody may be asked")


def test_a_failed_step_tells_what_its_models_cost(root: Path) -> None:
    contract = root / "state/agents/scribe.yaml"
    contract.write_text(contract.read_text().replace("tier: offline", "tier: small"))
    subprocess.run(["git", "commit", "-qam", "on a model"], cwd=root, check=True)
    here = on_models(root, Scripted(["no JSON", AiosError("the service is gone for good")]))
    found = written(here)
    assert found["event"] == "step.failed"
    assert (found["usage"]["usd"], found["usage"]["calls"]) == (0.01, 1)


def test_a_terminal_is_told_that_a_model_answers(root: Path) -> None:
    seen: list[Progress] = []
    written(on_models(root, Scripted([f"{PIECE} Well said."]), report=seen.append))
    thinking = [each for each in seen if each.state == "thinking"]
    assert {each.step for each in thinking} == {"write"}
    assert thinking[0].detail.startswith("small tier (tiny)")
