"""Open proposals that change the same records, and the order in which to merge them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from aios.domain.names import MEMORY, RUNS, branch_of
from aios.domain.record import ref_of
from aios.proposals.reviewed import Overlap
from aios.runs.context import Context
from aios.runs.gates import open_gate
from aios.runs.inbox import kept_by, open_runs
from aios.runs.session import read_state
from aios.store.git import Git
from aios.store.trees import changed_paths


@dataclass(frozen=True, slots=True)
class _Changed:
    """What a branch changes: path → blob there (empty where it is gone), and the paths that main does not have."""

    head: str
    blobs: Mapping[str, str]
    added: frozenset[str]


def overlaps_of(context: Context, run: str) -> list[Overlap]:
    """The other open proposals that change what this one changes, those that should be merged earlier first."""
    git = context.git
    mine = _changed(context, run)
    if mine is None:
        return []
    found = []
    for other in open_runs(context):
        theirs = _changed(context, other) if other != run else None
        both = mine.blobs.keys() & theirs.blobs.keys() if theirs else set()
        shared = sorted(both, key=lambda path: (path.startswith(MEMORY), path))  # records first, then notes
        if theirs is None or not shared:
            continue
        state = read_state(git, other, main=context.main)
        if not open_gate(state):
            continue
        earlier, why = _order(git, (run, mine), (other, theirs))
        found.append(Overlap(other, kept_by(state), [ref_of(path) for path in shared], earlier, why))
    return sorted(found, key=lambda each: (not each.earlier, _ulid(each.run)))


def _order(git: Git, mine: tuple[str, _Changed], theirs: tuple[str, _Changed]) -> tuple[bool, str]:
    """Should theirs be merged before mine, and why?"""
    if git.is_ancestor(theirs[1].head, mine[1].head):
        return True, "this one is built on it"
    if git.is_ancestor(mine[1].head, theirs[1].head):
        return False, "it is built on this one"
    if needed := _refers(git, mine[1], theirs[1].added):
        return True, f"this one refers to {needed}, which it adds"
    if needed := _refers(git, theirs[1], mine[1].added):
        return False, f"it refers to {needed}, which this one adds"
    older = _ulid(theirs[0]) < _ulid(mine[0])
    return older, "it is older" if older else "this one is older"


def _refers(git: Git, changed: _Changed, added: Iterable[str]) -> str:
    """The first record among `added` that the changed files name, and do not add themselves."""
    wanted = {path: ref_of(path) for path in sorted(added) if path not in changed.added}
    if not wanted:
        return ""
    texts = [content for _, content in git.blobs(blob for blob in changed.blobs.values() if blob)]
    named = (
        ref for ref in wanted.values() if any(re.search(rb"\b%s(?![\w/-])" % re.escape(ref.encode()), t) for t in texts)
    )
    return next(named, "")


def _changed(context: Context, run: str) -> _Changed | None:
    git = context.git
    head, main = git.rev(branch_of(run)), git.rev(context.main)
    base = git.merge_base(main, head) if head and main else None
    return _between(git, base, head) if head and base else None


def _between(git: Git, base: str, head: str) -> _Changed:
    changes = [change for change in changed_paths(git, base, head) if not change.path.startswith(RUNS)]
    blobs = {change.path: change.after for change in changes}
    return _Changed(head, blobs, frozenset(change.path for change in changes if not change.before))


def _ulid(run: str) -> str:
    return run.split("/")[2]
