"""What sends a run on: a proposal sent back with a note, a question answered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from aios.domain.event import EventNote
from aios.domain.keys import key_of
from aios.domain.run import STOP
from aios.domain.workflow import Step, StepKind
from aios.errors import RefusedError, UsageError
from aios.runs.context import Context
from aios.runs.cursors import put_back
from aios.runs.definitions import load
from aios.runs.gates import open_gate
from aios.runs.history import ANSWERED, REVISED
from aios.runs.options import choose
from aios.runs.rejecting import cancel, cancel_in
from aios.runs.said import Said, actor_of, output_of, was_said
from aios.runs.session import Session, facts_of, open_session
from aios.store.trees import CommitTree


def revise(context: Context, run: str, *, note: str, step: str = "", said: Said | None = None) -> None:
    """Send the proposal back with a note; the run goes on from `step` (the first agent step where it is not given).

    Until the run goes on, more may be said to it.
    """
    with open_session(context, run) as session:
        state = session.state
        if was_said(context, run, said):
            return
        if not open_gate(state) and not _just_sent_back(session):
            raise RefusedError(f"nothing of {run} waits for a decision", "`aios runs` tells where it stands")
        definitions = load(context, state.workflow, state.base)
        steps = definitions.workflow.steps
        if step and step not in steps:
            raise UsageError(f"there is no step `{step}`", f"the steps: {', '.join(steps)}")
        first = step or next(name for name, each in steps.items() if each.kind is StepKind.AGENT)
        names = list(steps)
        again = [
            name
            for name in names[names.index(first) :]
            if name in state.steps and steps[name].kind is not StepKind.GATE
        ]
        told = EventNote(
            type=REVISED,
            title=note,
            run=run,
            step="",
            actor=actor_of(context, said),
            key=said.key if said else key_of("revision", run, context.now(), note),
            output={"note": note, "steps": again, **_spoken_to(steps, step), **output_of(said)},
        )
        collects = [steps[name].uses for name in again if steps[name].kind is StepKind.COLLECT]
        reads = [(found.name, uses) for uses in collects if (found := definitions.connector_for(uses))]
        session.append(told, put_back(reads, session.tree, CommitTree(context.git, state.base)))
        session.flush()


def _just_sent_back(session: Session) -> bool:
    """Was the last that happened to the run that it was sent back?"""
    facts = facts_of(session.context.git, session.run, main=session.context.main)
    return not session.log.pending and bool(facts) and facts[-1].type == REVISED


def _spoken_to(steps: Mapping[str, Step], step: str) -> dict[str, str]:
    """The agent that a note is for, where the operator named a step of it."""
    return {"agent": steps[step].uses} if step and steps[step].kind is StepKind.AGENT else {}


def answer(context: Context, run: str, *, text: str, said: Said | None = None) -> str:
    """Answer the run's open question; the step that asked. The run goes on at the next `aios resume`."""
    with open_session(context, run) as session:
        if was_said(context, run, said):
            return _answered_before(context, session, said)
        asked = next(((name, step.question) for name, step in session.state.steps.items() if step.question), None)
        if asked is None:
            raise RefusedError(f"{run} asks nothing", "`aios inbox` tells what waits")
        name, question = asked
        options = list((question or {}).get("options") or ())
        chosen = choose(text, options)
        session.append(
            EventNote(
                type=ANSWERED,
                title=chosen,
                body=str((question or {}).get("text", "")),
                run=run,
                step=name,
                actor=actor_of(context, said),
                key=said.key if said else key_of("answer", run, name, context.now()),
                output={"answer": chosen, "question": (question or {}).get("text", ""), **output_of(said)},
            )
        )
        session.flush()
    if chosen == STOP:
        cancel(context, run, reason="the operator's answer", said=_ending(run, said))
    return name


def _answered_before(context: Context, session: Session, said: Said | None) -> str:
    """The step that was answered; what follows from the answer is done now, where a kill left it undone."""
    name = next((name for name, step in session.state.steps.items() if step.guidance[-1:] == (STOP,)), "")
    if name and not session.state.cancelled:
        cancel_in(context, session, reason="the operator's answer", said=_ending(session.run, said))
    return name


def _ending(run: str, said: Said | None) -> Said | None:
    """What follows from an answer is an event of its own."""
    return replace(said, key=key_of("cancel", run)) if said else None
