"""What a step is told of the run before it: what the steps that it needs gave, and what the operator said to them."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from aios.domain.run import RunState, StepState
from aios.runs.conductor import carry_on
from aios.runs.context import Context
from aios.runs.definitions import load
from aios.runs.found import found_before
from aios.runs.session import read_state
from tests.runs import house


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return house.found(tmp_path_factory.mktemp("template") / "company")


@pytest.fixture
def here(template: Path, tmp_path: Path) -> Context:
    return house.context(shutil.copytree(template, tmp_path / "company"))


def finished(here: Context, said: Mapping[str, tuple[str, ...]]) -> RunState:
    """A run that waits at its gate, as if the operator had said these words to its steps."""
    run = house.start(here)
    carry_on(here, run)
    state = read_state(here.git, run, main="main")
    steps: dict[str, StepState] = {
        name: replace(step, guidance=said.get(name, ())) for name, step in state.steps.items()
    }
    return replace(state, steps=steps)


def test_a_step_hears_what_was_said_to_the_steps_before_it_once_and_not_what_was_said_to_itself_too(
    here: Context,
) -> None:
    with here.git:
        said = {"plan": ("two parts", "shorter"), "dig": ("dig deeper",), "write": ("shorter",)}
        state = finished(here, said)
        workflow = load(here, state.workflow, state.base).workflow
        found = found_before(workflow, state, "write")
        assert [(each.step, each.item, each.said) for each in found] == [
            ("plan", None, ("two parts",)),
            ("dig", 0, ("dig deeper",)),
            ("dig", 1, ()),
            *[("dig", item, ()) for item in range(2, len(found) - 1)],
        ]
        assert found_before(workflow, state, "plan") == ()
