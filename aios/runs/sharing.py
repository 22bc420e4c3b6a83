"""A run's branch as it stands here, told to the shared copy."""

from __future__ import annotations

from aios.domain.names import CLOSED, branch_of
from aios.errors import MovedError
from aios.runs.context import Context
from aios.store.remote import Move


def share(context: Context, run: str) -> None:
    """Move the run's branch at the shared copy to where it is here; where it is over here, it goes away there and what
    was closed is kept. Nothing where no copy is shared.

    Raises MovedError where somebody moved it there meanwhile: then the branch here is as it is there, as far as it had
    nothing more when it was fetched, and what was done on it has to be done again.
    """
    remote, git = context.remote, context.git
    if remote is None:
        return
    branch, closed = branch_of(run), f"{CLOSED}{run.split('/')[2]}"
    here, there = git.rev(f"refs/heads/{branch}"), remote.tracked(branch).get(branch)
    if here == there:
        return
    moves = [Move(f"refs/heads/{branch}", here, there)]
    if here is None and (kept := git.rev(closed)) is not None:
        moves.append(Move(closed, kept, None))
    try:
        remote.push(moves)
    except MovedError:
        now = remote.fetch().get(branch)
        if here is not None and now is not None and there is not None and git.is_ancestor(there, now):
            git.update_ref(f"refs/heads/{branch}", now, here, reason="aios: moved at the shared copy")
        raise
