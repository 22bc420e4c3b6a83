"""The branch of a proposal that came to main: put away once that is decided, its steps kept while it is not."""

from __future__ import annotations

from aios.domain.names import branch_of
from aios.errors import RefusedError, TransientError
from aios.runs.context import Context
from aios.runs.landings import Landing
from aios.runs.session import keep, leave
from aios.store.remote import Move


def clear(context: Context, landing: Landing) -> None:
    """The branch is done with, here and at the shared copy, unless somebody went on with it."""
    git, branch = context.git, branch_of(landing.run)
    tip = git.rev(branch)
    if tip is not None and git.is_ancestor(tip, landing.head):
        leave(git, landing.run, tip)
    drop_there(context, landing)


def drop_there(context: Context, landing: Landing) -> None:
    """Delete the merged branch at the shared copy, unless somebody went on with it or nobody answers."""
    branch = branch_of(landing.run)
    there = context.remote.tip(branch) if context.remote else None
    if context.remote is not None and there == landing.head:
        try:
            context.remote.push([Move(branch, None, there)])
        except (RefusedError, TransientError):
            return  # it is known to be merged, whoever finds it


def keep_steps(context: Context, run: str, head: str) -> None:
    """Have the run's steps here while it waits for a word: squashed, main does not tell them."""
    git = context.git
    if head and git.rev(head) and not git.is_ancestor(head, git.commit(context.main)):
        keep(git, run, head)
