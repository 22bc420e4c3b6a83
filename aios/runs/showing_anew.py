"""A proposal shown once more after something came to main that was not what was shown: nothing of it is sent."""

from __future__ import annotations

from aios.domain.event import AIOS_EMAIL, AIOS_NAME, EventNote, render_message
from aios.domain.keys import key_of
from aios.domain.names import branch_of
from aios.runs.context import Context
from aios.runs.definitions import load
from aios.runs.gates import open_gate
from aios.runs.history import STARTED, fact_of_event, fold
from aios.runs.landed_branches import drop_there, keep_steps
from aios.runs.landings import Landing
from aios.runs.propose import propose
from aios.runs.session import events_of, leave, open_session, record_on
from aios.store.commits import commit_object
from aios.store.log import read_events

CONTINUED = "proposal.continued"  # of what came to main without approval


def show_anew(context: Context, landing: Landing, why: str) -> bool:
    """The proposal once more, of what main has now: a branch of its own with a new record and nothing else; at once
    where it is open already. False where its run has no open gate.

    Raises BusyError where another process is at it.
    """
    run, git = landing.run, context.git
    keep_steps(context, run, landing.head)
    with open_session(context, run):
        pass  # what a kill left in the journal is the proposal that is asked for here
    tip = git.rev(branch_of(run))
    if tip is not None and _is_open(context, run, tip):
        return True
    state = fold(run, [fact_of_event(event) for event in events_of(git, run, main=context.main)])
    gate = open_gate(state)
    if not gate:
        return False
    if tip is not None:
        leave(git, run, tip)
    drop_there(context, landing)
    if not any(event.type == STARTED for event in read_events(git, until=context.main, run=run)):
        _begin_with_steps(context, landing, why)
    with open_session(context, run) as session:
        propose(context, session, load(context, state.workflow, state.base), gate)
    return True


def _is_open(context: Context, run: str, tip: str) -> bool:
    """Does the branch propose what main has not seen?"""
    git = context.git
    path = record_on(git, tip, run)
    main = git.read_blob(f"{context.main}:{path}") if path else None
    return bool(path) and git.read_blob(f"{tip}:{path}") != main


def _begin_with_steps(context: Context, landing: Landing, why: str) -> None:
    """Squashed, main tells none of the run's steps: the new branch brings them along."""
    git, run = context.git, landing.run
    note = EventNote(
        type=CONTINUED,
        title=f"{run}: {why}",
        run=run,
        key=key_of("continued", run, landing.head, landing.commit),
        output={"merge": landing.commit, "head": landing.head, "why": why},
    )
    commit = commit_object(
        git,
        parent=git.commit(context.main),
        changes={},
        message=render_message(note),
        at=context.now(),
        author=AIOS_NAME,
        email=AIOS_EMAIL,
        parents=(landing.head,),
    )
    git.update_ref(f"refs/heads/{branch_of(run)}", commit, None, reason="shown anew")
