"""Starting a run: deterministic ids, one open proposal per subject."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from aios.domain.event import EventNote
from aios.domain.keys import key_of, run_ulid
from aios.domain.names import branch_of
from aios.domain.slug import is_slug
from aios.errors import RefusedError, UsageError
from aios.expressions import render_text
from aios.runs.context import Context
from aios.runs.definitions import Definitions, load
from aios.runs.history import STARTED
from aios.runs.inputs import parse_inputs
from aios.runs.session import open_session


@dataclass(frozen=True, slots=True)
class Planned:
    """A run that could be started: its id, its parsed inputs, the moment it stands for and main's commit."""

    run: str
    inputs: Mapping[str, Any]
    at: str
    base: str
    definitions: Definitions


def plan_run(
    context: Context, workflow: str, inputs: Mapping[str, Any] | list[str], *, trigger: Mapping[str, Any]
) -> Planned:
    """The run that `start_run` would make of main; nothing is written. Raises as that does for what is wrong."""
    base = context.git.rev(context.main)
    if base is None:
        raise UsageError("this company has no commit yet", "commit its files first")
    definitions = load(context, workflow, base)
    given = parse_inputs(definitions.workflow, inputs)
    run, at = _identify(context, definitions, given, trigger)
    return Planned(run, given, at, base, definitions)


def start_run(
    context: Context,
    workflow: str,
    inputs: Mapping[str, Any] | list[str],
    *,
    trigger: Mapping[str, Any],
    replace: bool = False,
) -> str:
    """Make a run durable and give its id; nothing is executed yet.

    `trigger` holds at least `kind` and `key`; the same key gives the same run, however often it is started. Raises
    RefusedError where another run on the same subject is open (`replace` cancels it), InvalidError and UsageError for
    wrong definitions and inputs.
    """
    planned = plan_run(context, workflow, inputs, trigger=trigger)
    run, base = planned.run, planned.base
    existing = open_run_of(context, run)
    if existing == run:
        return run
    if existing and replace:
        from aios.runs.gate import cancel

        cancel(context, existing, reason=f"replaced by {run}")
    elif existing:
        raise RefusedError(
            f"a run on this subject is open already: {existing}",
            f"`aios show {existing.split('/')[2]}` tells where it stands; `--replace` stops it and starts anew",
        )
    with open_session(context, run, start=base) as session:
        if not session.state.started_at:
            session.append(started_note(planned.definitions, run, planned.inputs, trigger, base, planned.at))
            session.flush()
    return run


def open_run_of(context: Context, run: str) -> str:
    """The id of the run that holds the subject's branch; empty where there is none."""
    return run_on_branch(context, branch_of(run))


def run_on_branch(context: Context, branch: str) -> str:
    tip = context.git.rev(branch)
    if tip is None:
        return ""
    # The newest commit of ours names the run; a commit of the operator's own may lie on top.
    text = context.git.text("log", "-20", "--format=%(trailers:key=Aios-Run,valueonly,separator=%x00)", tip)
    return next((line.split("\x00")[0] for line in text.splitlines() if line.strip()), "")


def _identify(
    context: Context, definitions: Definitions, inputs: Mapping[str, Any], trigger: Mapping[str, Any]
) -> tuple[str, str]:
    subject = render_text(definitions.workflow.subject, {"inputs": inputs})
    if not is_slug(subject):
        raise UsageError(f"the subject `{subject}` is no slug", "use slug(…) in the workflow's `subject`")
    started, at = moment_of(trigger, context.now())
    ulid = run_ulid(at, str(trigger["key"]))
    return f"{definitions.workflow.name}/{subject}/{ulid}", started


def moment_of(trigger: Mapping[str, Any], now: str) -> tuple[str, datetime]:
    """When a run begins, as text and as a moment: when its trigger says, else `now`."""
    started = str(trigger.get("at") or now)
    return started, datetime.fromisoformat(started)


def started_note(
    definitions: Definitions, run: str, inputs: Mapping[str, Any], trigger: Mapping[str, Any], base: str, started: str
) -> EventNote:
    """The first fact of a run."""
    workflow = definitions.workflow
    return EventNote(
        type=STARTED,
        title=f"{workflow.name} on {run.split('/')[1]}",
        body=workflow.summary,
        run=run,
        actor=f"trigger:{trigger['kind']}",
        key=key_of("run", run),
        output={
            "inputs": dict(inputs),
            "trigger": dict(trigger),
            "base": base,
            "started": started,
            "definition": workflow.hash,
        },
    )
