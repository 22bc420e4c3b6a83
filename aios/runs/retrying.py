"""Trying anew what failed of a run, and nothing that did not."""

from __future__ import annotations

from dataclasses import replace

from aios.domain.event import OPERATOR, EventNote
from aios.domain.keys import key_of
from aios.domain.workflow import StepKind
from aios.errors import RefusedError
from aios.runs.context import Context
from aios.runs.definitions import Definitions, load
from aios.runs.history import REVISED
from aios.runs.main_branch import commit_to_main
from aios.runs.said import Said, output_of, was_said
from aios.runs.session import Session, open_session


def retry(context: Context, run: str, *, said: Said | None = None) -> list[str]:
    """The steps that will be tried again. Raises RefusedError where none failed."""
    with open_session(context, run) as session:
        if was_said(context, run, said):
            return []
        again = forget_failures(session, load(context, session.state.workflow, session.state.base), said=said)
        if not again:
            raise RefusedError(f"nothing of {run} failed", "`aios inbox` tells what waits")
        session.flush()
        return again


def forget_failures(session: Session, definitions: Definitions, *, said: Said | None = None) -> list[str]:
    """The attempts so far stay in the log. Of effects that is said where they were done, on main: said on a branch, it
    would stand behind whatever becomes of them."""
    failed = [
        name
        for name, step in session.state.steps.items()
        if any(item.last and item.last.status.value == "failed" for item in step.items.values())
    ]
    effects = [name for name in failed if definitions.workflow.steps[name].kind is StepKind.EFFECT]
    others = [name for name in failed if name not in effects]
    if effects:
        # Its own key where more follows: what was said counts as done with the last of it.
        first = replace(said, key=key_of(said.key, "effects")) if said and others else said
        note = _again(session, effects, first)
        commit_to_main(session.context, note, {}, as_operator=True)
        session.learn(note)
    if others:
        session.append(_again(session, others, said))
    return failed


def _again(session: Session, steps: list[str], said: Said | None) -> EventNote:
    return EventNote(
        type=REVISED,
        title=f"try {', '.join(steps)} again",
        run=session.run,
        actor=said.actor if said else OPERATOR,
        key=said.key if said else key_of("retry", session.run, session.context.now(), *steps),
        output={"note": "", "steps": steps, "only": "failed", **output_of(said)},
    )
