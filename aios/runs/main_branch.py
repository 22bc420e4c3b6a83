"""Our own commits on main: bookkeeping after effects, and how runs ended. By compare-and-swap, again if main moved."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from aios.domain.event import EventNote, render_message
from aios.runs.context import AIOS_EMAIL, AIOS_NAME, Context
from aios.runs.shared_main import land
from aios.store.commits import commit_object

Changes = Mapping[str, bytes | None]


def commit_to_main(
    context: Context, note: EventNote, changes: Changes | Callable[[str], Changes], *, as_operator: bool = False
) -> str:
    """One commit on main, here and at the shared copy; its id. `changes` may be a function of main's tip, for what has
    to be read there. Where main moved and another machine has noted the same fact meanwhile, that one's id.

    Raises RefusedError where uncommitted edits of the operator's are in the way, or the shared copy refuses; nothing is
    changed then. Where nobody answers there, the commit waits here (`shared_main.unpushed`).
    """
    name, email = (context.operator.name, context.operator.email) if as_operator else (AIOS_NAME, AIOS_EMAIL)

    def make(tip: str) -> str:
        return commit_object(
            context.git,
            parent=tip,
            changes=changes(tip) if callable(changes) else changes,
            message=render_message(note),
            at=context.now(),
            author=name,
            email=email,
        )

    def done(before: str, now: str) -> str:
        """By its key, among the commits that came in."""
        if not note.key:
            return ""
        wanted = f"Aios-Key: {note.key}"
        found = context.git.text("log", "-1", "--fixed-strings", f"--grep={wanted}", "--format=%H", now, f"^{before}")
        return found if found and wanted in context.git.text("show", "-s", "--format=%B", found).splitlines() else ""

    return land(context, make, done=done).commit
