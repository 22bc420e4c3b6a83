"""Open proposals brought up to date: with commits that the operator pushed to the branch, and with main where it moved.

Main is merged into a branch only where git alone could not merge the two and fields can: then the forge shows it as
mergeable. What needs a decision is left as it is, and told.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from aios.domain.event import EventNote, render_message
from aios.domain.keys import key_of
from aios.domain.names import branch_of, run_record_path
from aios.errors import AiosError, MovedError, RefusedError
from aios.proposals.merging import merge
from aios.runs.approving import show_as_it_is
from aios.runs.context import AIOS_EMAIL, AIOS_NAME, Context
from aios.runs.gates import open_gate
from aios.runs.inbox import open_runs
from aios.runs.proposing import Proposed, push, shown
from aios.runs.session import read_state
from aios.runs.shared_main import catch_up
from aios.runs.syncing import adopt
from aios.store.commits import advance, merge_commit
from aios.store.trees import changed_paths

MERGED = "main.merged"  # into a proposal's branch; it changes nothing of the run
_TRIES = 5


def refresh(context: Context, runs: Sequence[str] = ()) -> list[Proposed]:
    """Bring these proposals (all open ones where none is named) up to date, here, where they are shared, and at the
    forge. What goes wrong with one is told and holds up no other."""
    if context.remote is not None:
        context.remote.fetch()
        catch_up(context)
    adopt(context)
    return [_refreshed(context, run) for run in runs or open_runs(context)]


def _refreshed(context: Context, run: str) -> Proposed:
    done = Proposed(run, branch=branch_of(run))
    try:
        for _ in range(_TRIES):
            notes = _up_to_date(context, run)
            try:
                push(context, run)
            except MovedError:
                if context.remote is not None:
                    context.remote.fetch(done.branch)
                _require_ours(context, done.branch)
                continue
            return shown(context, replace(done, kept=True, notes=notes))
        raise RefusedError(f"`{done.branch}` keeps moving at the remote", "run it again in a moment; nothing is lost")
    except AiosError as error:
        return replace(done, wrong=str(error))


def _require_ours(context: Context, branch: str) -> None:
    """Take over what was pushed meanwhile, where ours is not ahead of it."""
    adopt(context)
    here, there = context.git.rev(f"refs/heads/{branch}"), context.remote.tip(branch) if context.remote else None
    if here is not None and there is not None and not context.git.is_ancestor(there, here):
        raise MovedError(f"`{branch}` went on at the remote meanwhile", "run it again: it goes on from there")


def _up_to_date(context: Context, run: str) -> tuple[str, ...]:
    state = read_state(context.git, run, main=context.main)
    if not open_gate(state):
        return ()
    told = _with_main(context, run, run_record_path(run, state.started_at))
    show_as_it_is(context, run)
    return told


def _with_main(context: Context, run: str, record: str) -> tuple[str, ...]:
    """Merge main into the branch, where git alone could not merge the two and fields can."""
    git, branch = context.git, branch_of(run)
    head, main = git.rev(f"refs/heads/{branch}"), git.rev(context.main)
    if head is None or main is None or git.is_ancestor(main, head):
        return ()
    if git.process("merge-tree", "--write-tree", "--no-messages", main, head).returncode == 0:
        return ()
    merged = merge(git, main, head, own=record)
    if merged.conflicts:
        return (f"main changed what `{branch}` changes, and only you can tell which stays: {merged.conflicts[0]}",)
    paths = {change.path for change in changed_paths(git, head, main)} | set(merged.changes)
    whole = {
        path: merged.changes[path] if path in merged.changes else git.read_blob(f"{main}:{path}")
        for path in sorted(paths)
    }
    changes = {path: content for path, content in whole.items() if content != git.read_blob(f"{head}:{path}")}
    note = EventNote(
        type=MERGED,
        title=f"{context.main} is merged into {branch}",
        body="Both changed the same files; their fields go together.",
        run=run,
        key=key_of("main merged", run, main, head),
    )
    commit = merge_commit(
        git,
        ours=head,
        theirs=main,
        tree_changes=changes,
        message=render_message(note),
        at=context.now(),
        author=AIOS_NAME,
        email=AIOS_EMAIL,
    )
    advance(git, branch, commit, expected=head)
    return (f"`{branch}` holds {context.main}'s newest, field by field",)
