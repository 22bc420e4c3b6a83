"""The tree as a step may see it: what its needs produced, and nothing of what runs beside it.

Without this, what an agent finds would depend on which of its siblings happened to finish first.
"""

from __future__ import annotations

from dataclasses import dataclass

from aios.domain.run import RunState
from aios.domain.tree import Tree
from aios.domain.workflow import Workflow
from aios.store.git import Git
from aios.store.trees import CommitTree, OverlayTree


@dataclass(frozen=True, slots=True)
class Place:
    """Where a run stands: `head` is its branch's commit in git (None before there is one), `tree` what is on it with
    what is not flushed yet.
    """

    git: Git
    state: RunState
    tree: Tree
    head: str | None


def ancestors(workflow: Workflow, step: str) -> frozenset[str]:
    """All steps that come before this one by need."""
    found: set[str] = set()
    waiting = list(workflow.steps[step].needs)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += workflow.steps[name].needs
    return frozenset(found)


def step_view(place: Place, workflow: Workflow, step: str) -> Tree:
    """The place's tree with the files of steps that do not come before this one put back to the run's base."""
    before = ancestors(workflow, step) | (frozenset() if workflow.steps[step].for_each else {step})
    states = place.state.steps
    visible = {path for name in before if name in states for path in states[name].paths}
    hidden = {path for name, state in states.items() if name not in before for path in state.paths} - visible
    if not hidden:
        return place.tree
    base = CommitTree(place.git, place.state.base)
    return OverlayTree(place.tree, {path: base.read(path) for path in sorted(hidden)})
