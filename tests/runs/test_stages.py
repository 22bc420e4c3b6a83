"""A run in stages, each in a clone of its own: the same commits come of it as where one process does it all."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from aios.domain.effect import Effect
from aios.domain.handoff import Stage
from aios.domain.run import RunState, RunStatus
from aios.errors import RefusedError
from aios.runs.conductor import carry_on
from aios.runs.context import Context
from aios.runs.definitions import load
from aios.runs.gate import approve, open_gate
from aios.runs.session import read_state
from aios.runs.stages import confined, needed
from aios.runs.start import start_run
from tests.runs import house
from tests.runs.chain import ASKED, AT, READING, Chain, branch, reading


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return house.found(tmp_path_factory.mktemp("reading") / "company", workflow=READING)


@pytest.fixture
def root(template: Path, tmp_path: Path) -> Path:
    return shutil.copytree(template, tmp_path / "company")


@pytest.fixture
def twin(template: Path, tmp_path: Path) -> Path:
    return shutil.copytree(template, tmp_path / "twin")


def start(here: Context) -> str:
    return start_run(here, "write-piece", {"topic": "A fine topic"}, trigger=ASKED.trigger())


def test_reads_and_agents_in_turn_give_the_commits_of_one_go(root: Path, twin: Path, tmp_path: Path) -> None:
    alone = reading(twin)
    with alone.git:
        carry_on(alone, start(alone))
    chain = Chain(root, tmp_path / "jobs")
    first = chain.round()
    assert [(each.status, each.stage) for each in first] == [(RunStatus.RUNNING, "collect")]  # a read needs an agent's
    second = chain.round()
    assert [(each.status, each.step) for each in second] == [(RunStatus.WAITING, "approve")]
    assert chain.plan().orders == ()
    assert branch(root) == branch(twin) != ""
    here = reading(root)
    with here.git:
        approve(here, house.RUN_ID)
        carry_on(here, house.RUN_ID, effects=True)
        approve(alone, house.RUN_ID)
        carry_on(alone, house.RUN_ID, effects=True)
    assert branch(root, "main") == branch(twin, "main")


def test_each_stage_does_only_what_is_its_own(root: Path) -> None:
    here = reading(root)
    with here.git:
        run = start(here)

        def done() -> list[str]:
            return sorted(read_state(here.git, run, main="main").steps)

        assert carry_on(here, run, stage=Stage.PROPOSE).stage == "collect"
        assert carry_on(here, run, stage=Stage.AGENT).stage == "collect"
        assert done() == []
        assert carry_on(here, run, stage=Stage.COLLECT).stage == "agent"
        assert done() == ["ask"]
        assert carry_on(here, run, stage=Stage.PROPOSE).stage == "agent"
        assert carry_on(here, run, stage=Stage.AGENT).stage == "collect"
        assert done() == ["ask", "dig", "plan"]
        carry_on(here, run, stage=Stage.COLLECT)
        left = carry_on(here, run, stage=Stage.AGENT)
        assert (left.status, left.stage, left.step) == (RunStatus.RUNNING, "propose", "approve")
        assert open_gate(read_state(here.git, run, main="main")) == ""
        assert carry_on(here, run, stage=Stage.COLLECT).stage == "propose"
        assert carry_on(here, run, stage=Stage.PROPOSE).status is RunStatus.WAITING
        assert open_gate(read_state(here.git, run, main="main")) == "approve"
        approve(here, run)
        assert carry_on(here, run, stage=Stage.PROPOSE, effects=True).step == "publish"
        assert carry_on(here, run, stage=Stage.APPLY, effects=True).until != ""
    assert [act["key"] for act in house.Counting(root.parent / "service").done()][:2] == [
        "read first",
        "read a-fine-topic",
    ]


NOTES = house.WORKFLOW.partition("  write:\n")[0]


def test_only_the_stage_that_proposes_merges_by_policy(tmp_path: Path) -> None:
    root = house.found(tmp_path / "notes", workflow=NOTES)
    here = house.context(root)
    with here.git:
        run, before = house.start(here), branch(root, "main")
        assert carry_on(here, run, stage=Stage.AGENT).stage == "propose"
        assert carry_on(here, run, stage=Stage.COLLECT).stage == "propose"
        assert carry_on(here, run, stage=Stage.APPLY, effects=True).stage == "propose"
        assert branch(root, "main") == before
        assert carry_on(here, run, stage=Stage.PROPOSE).status is RunStatus.DONE
        assert branch(root, "main") != before


def test_a_step_that_waits_for_its_retry_is_waited_for_by_its_own_stage(root: Path, tmp_path: Path) -> None:
    flaky = house.found(
        tmp_path / "flaky",
        workflow=READING.replace(
            "    with: {about: first}\n", "    with: {about: first}\n    retry: {attempts: 2, backoff: 1s}\n"
        ),
    )
    waits: list[float] = []
    here = reading(flaky)
    failing = replace(here, connectors=lambda _: {"site": _Failing(flaky.parent / "service")}, pause=waits.append)
    with here.git:
        run = start(here)
        late = replace(failing, clock=lambda: house.START + timedelta(seconds=len(waits) * 2))
        carry_on(late, run, stage=Stage.COLLECT)
        assert waits == [1.0]
        assert carry_on(late, run, stage=Stage.AGENT).status is RunStatus.FAILED


class _Failing(house.Counting):
    def capabilities(self):  # type: ignore[no-untyped-def]
        from tests.runs.chain import Reading

        return Reading(self.folder).capabilities()

    def read(self, capability, params):  # type: ignore[no-untyped-def]
        from aios.errors import TransientError

        raise TransientError("busy")


@pytest.mark.parametrize("stage", [Stage.AGENT, Stage.PROPOSE])
def test_a_stage_that_contacts_nobody_still_knows_what_an_act_would_be(root: Path, stage: Stage) -> None:
    here = confined(reading(root), stage)
    with here.git:
        site = here.connectors(load(reading(root), "write-piece", here.git.commit("main")).tree)["site"]
        effect = Effect("site", "cms.publish", "https://test.example/x/", {"slug": "x"}, "r", "s", "")
        assert site.preview(effect).summary
        assert site.target("cms.publish", {"slug": "x"}) == "https://test.example/x/"
        assert "numbers.read" in site.capabilities()
        for contact in (
            lambda: site.read("numbers.read", {"about": "x"}),
            lambda: site.lookup(effect),
            lambda: site.act(effect),
            site.check,
        ):
            with pytest.raises(RefusedError, match=f"stage `{stage.value}`"):
                contact()
    assert not (root.parent / "service").exists()


def test_no_model_is_there_but_for_agents(root: Path) -> None:
    given = replace(reading(root), models=lambda _: {"small": object()})  # type: ignore[dict-item]
    tree = load(given, "write-piece", given.git.commit("main")).tree
    assert {stage: bool(confined(given, stage).models(tree)) for stage in Stage} == {
        Stage.COLLECT: False,
        Stage.AGENT: True,
        Stage.PROPOSE: False,
        Stage.APPLY: False,
    }


def test_the_stages_that_a_round_needs_follow_from_what_is_left(root: Path) -> None:
    here = reading(root)
    with here.git:
        workflow = load(here, "write-piece", here.git.commit("main")).workflow
        new = RunState(id=house.RUN_ID, inputs={"topic": "A fine topic"}, started_at=AT)
        assert needed(workflow, new, AT) == (Stage.COLLECT, Stage.AGENT, Stage.PROPOSE)
        run = start(here)
        carry_on(here, run, stage=Stage.COLLECT)
        assert needed(workflow, read_state(here.git, run, main="main"), AT) == (Stage.AGENT, Stage.PROPOSE)
        carry_on(here, run, stage=Stage.AGENT)
        assert needed(workflow, read_state(here.git, run, main="main"), AT) == (
            Stage.COLLECT,
            Stage.AGENT,
            Stage.PROPOSE,
        )
        carry_on(here, run, stage=Stage.COLLECT)
        carry_on(here, run, stage=Stage.AGENT)
        assert needed(workflow, read_state(here.git, run, main="main"), AT) == (Stage.PROPOSE,)
