"""What main changed since a proposal was made, in the records that the proposal changes as well: field by field."""

from __future__ import annotations

from dataclasses import replace

from aios.domain.names import RUNS
from aios.proposals.merging import merge
from aios.proposals.state_diff import state_diff
from aios.runs.context import Context
from aios.store.log import event_between
from aios.store.trees import changed_paths


def meanwhile(context: Context, base: str, main: str, head: str, own: str) -> list[str]:
    """Each change with what made it; then what nobody but the operator can decide. `own` is the run's record."""
    git = context.git
    ours = {change.path for change in changed_paths(git, base, head)}
    event = event_between(git, base, main)
    both = tuple(change for change in event.changes if change.path in ours and not change.path.startswith(RUNS))
    lines = []
    for change in both:
        told = state_diff(replace(event, changes=(change,)), git.read_blob)
        lines += [f"{line} ({_by(context, base, main, change.path)})" for line in told]
    if both:
        lines += [f"cannot be merged by itself: {each}" for each in merge(git, main, head, own=own).conflicts]
    return lines


def _by(context: Context, base: str, main: str, path: str) -> str:
    """The newest commit of main's own line that changed the path."""
    asked = ("log", "-1", "--first-parent", "-m", "--format=%h %s", f"{base}..{main}", "--", path)
    return context.git.text(*asked).strip().partition("\n")[0]
