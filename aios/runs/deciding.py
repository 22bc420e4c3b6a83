"""A decision on this machine about what is shared: made on the newest there is, and told where others look."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from aios.domain.names import branch_of
from aios.errors import AiosError, RefusedError, TransientError
from aios.runs.closing import verify_open
from aios.runs.context import Context
from aios.runs.gates import open_gate
from aios.runs.on_forge import show_on_forge, show_outcome
from aios.runs.session import read_state
from aios.runs.syncing import adopt, sync


@contextmanager
def deciding(context: Context, run: str, say: Callable[[str], None], *, merged: bool = True) -> Iterator[None]:
    """Fetch first, decide within, then push and tell the forge. Offline it is decided here, and said so. With `merged`
    it may be on main already: then the decision is the word that its merge lacked.

    Raises RefusedError where the proposal was closed (or merged) at the forge meanwhile: that is the decision then.
    """
    if context.remote is None and context.forge is None:
        yield
        return
    try:
        if context.remote is not None:
            context.remote.fetch()
            adopt(context)
        verify_open(context, run, merged=merged)
    except TransientError as error:
        say(f"Offline ({error.message}): decided here; `aios sync` brings it there.")
        yield
        return
    yield
    _tell(context, run, say)


def _tell(context: Context, run: str, say: Callable[[str], None]) -> None:
    """The decision is made: whatever goes wrong here is done by the next `aios sync`."""
    try:
        if context.remote is not None:
            for each in sync(context).stuck:
                say(f"{each}: {each.detail}")
        if context.forge is None:
            return
        state = read_state(context.git, run, main=context.main)
        if open_gate(state) and context.git.rev(branch_of(run)) is not None:
            show_on_forge(context, run)
        else:
            show_outcome(context, run)
    except (TransientError, RefusedError) as error:
        say(f"Not told there yet: {error.message}. `aios sync` does it.")
    except AiosError as error:
        say(f"Not told there: {error}")
