"""Our own commits on main: bookkeeping after effects, and how runs ended. By compare-and-swap, again if main moved."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from aios.domain.event import EventNote, render_message
from aios.errors import MovedError, RefusedError
from aios.runs.context import AIOS_EMAIL, AIOS_NAME, Context
from aios.store.commits import advance, commit_object

Changes = Mapping[str, bytes | None]


def commit_to_main(
    context: Context, note: EventNote, changes: Changes | Callable[[str], Changes], *, as_operator: bool = False
) -> str:
    """One commit on main; its id. `changes` may be a function of main's tip, for what has to be read there.

    Raises RefusedError where uncommitted edits of the operator's are in the way; nothing is changed then.
    """
    name, email = (context.operator.name, context.operator.email) if as_operator else (AIOS_NAME, AIOS_EMAIL)
    for _ in range(20):
        tip = context.git.rev(context.main)
        if tip is None:
            raise RefusedError(f"there is no branch {context.main}", "commit something first")
        files = changes(tip) if callable(changes) else changes
        commit = commit_object(
            context.git,
            parent=tip,
            changes=files,
            message=render_message(note),
            at=context.now(),
            author=name,
            email=email,
        )
        context.checkpoint("before commit to main")
        try:
            advance(context.git, context.main, commit, expected=tip)
        except MovedError:
            continue
        context.checkpoint("after commit to main")
        return commit
    raise RefusedError(f"{context.main} keeps moving", "try again in a moment")
