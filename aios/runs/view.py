"""The tree as a step may see it: what its needs produced, and nothing of what runs beside it.

Without this, what an agent finds would depend on which of its siblings happened to finish first.
"""

from __future__ import annotations

from aios.domain.tree import Tree
from aios.domain.workflow import Workflow
from aios.runs.session import Session
from aios.store.git import Git
from aios.store.trees import CommitTree, OverlayTree


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


def step_view(git: Git, session: Session, workflow: Workflow, step: str) -> Tree:
    """The session's tree with the files of steps that do not come before this one put back to the run's base."""
    before = ancestors(workflow, step) | (frozenset() if workflow.steps[step].for_each else {step})
    states = session.state.steps
    visible = {path for name in before if name in states for path in states[name].paths}
    hidden = {path for name, state in states.items() if name not in before for path in state.paths} - visible
    if not hidden:
        return session.tree
    base = CommitTree(git, session.state.base)
    return OverlayTree(session.tree, {path: base.read(path) for path in sorted(hidden)})
