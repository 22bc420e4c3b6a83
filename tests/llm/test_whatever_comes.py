"""Whatever a model says and however its service fails: an attempt ends in an answer that its contract accepts, in a
question, or in an error that is told; it ends by itself, spends no more than it may, and is replayed identically."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, event, given, settings
from hypothesis import strategies as st

from aios.agents.loop import MENDS
from aios.domain.agent import AgentCall, Contract, Tier
from aios.domain.model import Model, ModelReply, Usage
from aios.domain.run import RunStatus
from aios.domain.tree import Tree
from aios.errors import AiosError
from aios.llm.retrying import Retrying
from aios.runs.conductor import carry_on
from aios.runs.context import Context
from aios.runs.execute import agent_attempt
from aios.runs.replay import Verdict, replay
from aios.runs.session import events_of, read_state
from aios.runs.start import start_run
from aios.store.trees import CommitTree
from tests.conftest import commit_all
from tests.llm.nonsense import PRICE, SCRIPTS, Pauses, Scripted, Turn
from tests.runs import house

CONTRACT = Contract(
    name="scribe",
    version=1,
    summary="Writes a note.",
    tier=Tier.SMALL,
    input={"type": "object"},
    output={"type": "object", "properties": {"note": {"type": "string"}}, "required": ["note"]},
    reads=("state/content/**", "memory/**"),
    writes=("memory/notes/*.md",),
    budget_usd=0.50,
    budget_calls=8,
    instructions="Write a note.",
)
DEAREST = 25_000 * PRICE  # one call, at most
ATTEMPTS = 4
LARGE = st.one_of(st.none(), SCRIPTS)
SOME = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


def scripted(small: list[Turn], large: list[Turn] | None) -> dict[Tier, Scripted]:
    return {Tier.SMALL: Scripted(small)} | ({Tier.LARGE: Scripted(large, "big")} if large else {})


# One attempt


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Context:
    return house.context(house.found(tmp_path_factory.mktemp("house") / "company"))


def attempt(here: Context, models: Mapping[Tier, Model]) -> dict[str, Any]:
    asking = replace(here, models=lambda _: models)
    call = AgentCall(CONTRACT, {"topic": "prices"}, run="r", step="s", now="2026-03-02T09:00:00Z")
    return agent_attempt(asking, call, CommitTree(here.git, here.git.rev("main") or ""))


@given(small=SCRIPTS, large=LARGE)
@settings(SOME, max_examples=200)
def test_an_attempt_ends_well_within_its_budget(here: Context, small: list[Turn], large: list[Turn] | None) -> None:
    pauses, services = Pauses(), scripted(small, large)
    models = {tier: Retrying(service, pauses, ATTEMPTS) for tier, service in services.items()}
    try:
        answer = attempt(here, models)
    except AiosError as error:
        event(f"error: {type(error).__name__}")
        answer = {}
    else:
        event("question" if "question" in answer else "answer")
        json.dumps(answer).encode()
    asked = sum(len(service.asked) for service in services.values())
    assert asked <= len(services) * ATTEMPTS * (CONTRACT.budget_calls + MENDS)
    assert sum(sum(service.paid) for service in services.values()) <= CONTRACT.budget_usd + DEAREST
    assert all(0 <= pause <= 60 for pause in pauses.seconds)
    assert all(path.startswith("memory/notes/") for path in answer.get("files", {}))


# Whole runs

AGENT = """schema: agent.v1
name: reader
version: 1
summary: Writes a note.
tier: small
event: notes.taken
input: {type: object}
output: {type: object, properties: {note: {type: string}}, required: [note]}
reads: ["state/content/**", "memory/**"]
writes: ["memory/notes/*.md"]
budget: {usd: 0.50, calls: 4}
"""
WORKFLOW = """schema: workflow.v1
name: take-notes
summary: Take notes.
on: {manual: {}}
inputs: {topic: {type: string}}
subject: "${{ slug(inputs.topic) }}"
budget: {usd: 1.00}
steps:
  read: {agent: reader, with: {topic: "${{ inputs.topic }}"}, retry: {attempts: 2, backoff: 1s}}
  more: {agent: reader, needs: [read], with: {topic: "${{ steps.read.note }}"}}
  approve: {gate: operator, needs: [more]}
"""
ASKS = """schema: policy.v1
summary: Everything is asked.
rules: [{name: all, when: "true", then: ask, why: it is a test}]
"""
NUMBERS = itertools.count()


@dataclass
class Clock:
    """Time that passes only while somebody waits."""

    moment: datetime = house.START
    paused: list[float] = field(default_factory=list)

    def __call__(self) -> datetime:
        return self.moment

    def pause(self, seconds: float) -> None:
        self.paused.append(seconds)
        self.moment += timedelta(seconds=seconds)


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = house.found(tmp_path_factory.mktemp("runs") / "company")
    files = {
        "state/agents/reader.yaml": AGENT,
        "workflows/take-notes.yaml": WORKFLOW,
        "state/policies/rules.yaml": ASKS,
    }
    for path, text in {**files, "state/agents/reader.md": "Take notes.\n"}.items():
        (root / path).write_text(text)
    commit_all(root, "An agent that needs a model")
    return root


@given(small=SCRIPTS, large=LARGE)
@settings(SOME, max_examples=20, phases=[Phase.explicit, Phase.reuse, Phase.generate])  # to shrink one takes minutes
def test_a_run_ends_well_and_its_replay_is_identical(
    company: Path, small: list[Turn], large: list[Turn] | None
) -> None:
    run_ends_well(company, small, large)


def run_ends_well(company: Path, small: list[Turn], large: list[Turn] | None) -> None:
    clock = Clock()

    def models(_: Tree) -> Mapping[Tier, Model]:
        return {tier: Retrying(service, clock.pause, ATTEMPTS) for tier, service in scripted(small, large).items()}

    here = house.context(company, clock=clock, pause=clock.pause, models=models)
    with here.git:
        number = next(NUMBERS)
        trigger = {"kind": "manual", "key": f"test {number}", "at": "2026-11-02T09:00:00Z"}
        run = start_run(here, "take-notes", {"topic": f"topic {number}"}, trigger=trigger)
        standing = carry_on(here, run)
        assert standing.status is RunStatus.FAILED or standing.question or standing.step == "approve", standing
        state = read_state(here.git, run, main="main")
        assert state.usd <= 1.00 + DEAREST
        bodies = [told.body for told in events_of(here.git, run, main="main")]
        assert not any("Traceback" in body for body in bodies), bodies
        found = list(replay(here, run))
        differing = [each for each in found if each.verdict is Verdict.DIFFERS]
        assert not differing, f"{differing[0].what}: {differing[0].why}\n{differing[0].diff}"
        assert [each for each in found if each.verdict is Verdict.SAME]


NOTE = {"memory/notes/a.md": "---\nschema: note.v1\nkind: note\ntitle: Prices\ntrust: derived\n---\n\nThey rose.\n"}
HARD_TO_KEEP: dict[str, dict[str, Any]] = {
    "an output that is too large": {"output": {"note": "x" * 70_000}, "files": NOTE},
    "an output that is too deep": {"output": {"note": "a", "more": json.loads("[" * 30 + "]" * 30)}, "files": NOTE},
    "characters that nobody sees": {
        "output": {"note": "a\0\u2028"},
        "files": NOTE,
        "title": "a\0b",
        "reasons": [
            {"what": "a\0b\r", "why": "\x1b[2J\u202e"},
            {"what": "Aios-Status: failed", "why": "\nAios-Key: x"},
        ],
    },
    "a file within a file": {"output": {"note": "a"}, "files": {**NOTE, "memory/notes/a.md/b.md": "x"}},
    "a name that no disk takes": {"output": {"note": "a"}, "files": {f"memory/notes/{'n' * 300}.md": "x"}},
    "a question without an end": {"question": {"text": "Which?\0", "options": ["x" * 100_000, "\0", ""]}},
}


@pytest.mark.parametrize("name", HARD_TO_KEEP)
def test_what_is_hard_to_keep_is_kept_or_asked(company: Path, name: str) -> None:
    reply = ModelReply(json.dumps(HARD_TO_KEEP[name]), (), Usage(10, 10), "tiny")
    run_ends_well(company, [reply], None)
