"""Runs that end by the operator's word: a proposal rejected, a run cancelled. What they wrote stays reachable."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aios.domain.event import EventNote
from aios.domain.keys import key_of
from aios.domain.names import branch_of, run_record_path
from aios.domain.run import RunState, RunStatus
from aios.errors import RefusedError
from aios.runs.context import Context
from aios.runs.gates import open_gate, record_of
from aios.runs.hand_edits import operators_share
from aios.runs.history import CANCELLED, REJECTED
from aios.runs.main_branch import commit_to_main
from aios.runs.said import Said, actor_of, output_of, was_said
from aios.runs.session import Session, leave, open_session
from aios.store.documents import dump, parse


def reject(context: Context, run: str, *, reason: str, said: Said | None = None) -> None:
    """Close the proposal: the reason goes to main with the run record, the branch is kept under `refs/aios/closed/`."""
    with open_session(context, run) as session:
        state = session.state
        if was_said(context, run, said):
            _put_away(context, session, session.flush())
            return
        gate = open_gate(state)
        if not gate:
            raise RefusedError(f"nothing of {run} waits for a decision", "`aios runs` tells where it stands")
        actor, now = actor_of(context, said), context.now()
        path = run_record_path(run, state.started_at)
        record = dict(record_of(session))
        record |= {
            "status": RunStatus.REJECTED.value,
            "decided": now,
            "decision": {"what": "rejected", "by": actor, "at": now, "reason": reason},
            "operator": operators_share(
                context, run, session.flush(), at=now, actor=actor, before=record.get("operator")
            ),
        }
        note = EventNote(
            type=REJECTED,
            title=reason,
            records=(path.removeprefix("state/").removesuffix(".yaml"),),
            run=run,
            step=gate,
            actor=actor,
            key=said.key if said else key_of("rejection", run, gate),
            output={"reason": reason, **output_of(said)},
        )
        close(context, session, note, {path: dump(record).encode()})


def cancel(context: Context, run: str, *, reason: str = "", said: Said | None = None) -> None:
    """Stop a run for good; what it wrote stays reachable under `refs/aios/closed/`."""
    with open_session(context, run) as session:
        cancel_in(context, session, reason=reason, said=said)


def cancel_in(context: Context, session: Session, *, reason: str, said: Said | None = None) -> None:
    """The same for a run that is open already."""
    run = session.run
    state = session.state
    if not state.started_at or state.cancelled or state.finished:
        raise RefusedError(f"{run} is over already", "`aios runs --all` tells how it ended")
    now = context.now()
    path = run_record_path(run, state.started_at)
    existing = context.git.read_blob(f"{context.main}:{path}")
    base_record = (parse(path, existing)[0] if existing else None) or None
    record = dict(base_record.data) if base_record else _plain_record(state)
    record |= {
        "status": RunStatus.CANCELLED.value,
        "finished": now,
        "decision": {
            "what": "cancelled",
            "by": actor_of(context, said),
            "at": now,
            "reason": reason,
        },
    }
    note = EventNote(
        type=CANCELLED,
        title=reason or run,
        records=(path.removeprefix("state/").removesuffix(".yaml"),),
        run=run,
        actor=actor_of(context, said),
        key=said.key if said else key_of("cancel", run),
        output={"reason": reason, **output_of(said)},
    )
    close(context, session, note, {path: dump(record).encode()})


def _plain_record(state: RunState) -> dict[str, Any]:
    return {
        "schema": "run.v1",
        "run": state.id,
        "workflow": state.workflow,
        "definition": "",
        "base": state.base,
        "status": RunStatus.CANCELLED.value,
        "trigger": dict(state.trigger),
        "inputs": dict(state.inputs),
        "started": state.started_at,
    }


def close(context: Context, session: Session, note: EventNote, changes: Mapping[str, bytes | None]) -> None:
    """Say on main how the run ended, and move its branch out of the way."""
    head = session.flush()
    commit_to_main(context, note, changes, as_operator=True)
    _put_away(context, session, head)


def _put_away(context: Context, session: Session, head: str) -> None:
    if context.git.rev(branch_of(session.run)) is not None:
        leave(context.git, session.run, head)
