"""Decisions made at the forge, noted on main: what the operator merged there is approved, or it is said why not.

The forge enforces nothing that we rely on. A merge counts as an approval only where an approver made it, the reviewed
commit is known, and main feeds exactly the effects that were shown; the policies on main are asked anew. What was
edited after it was shown is proposed once more, and nothing of it is sent. `approval` verifies all of it again before
every act: the note that is made here only says what to look at.

    adopt_merged(context)    every merge that is not decided yet, in whatever order and however often we are started
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from aios.domain.event import AIOS_EMAIL, AIOS_NAME, OPERATOR, EventNote, render_message
from aios.domain.forge import LOGIN, Forge
from aios.domain.keys import key_of
from aios.domain.names import run_record_path
from aios.domain.policy import Decision
from aios.domain.record import Where
from aios.domain.run import RunStatus
from aios.errors import BusyError, RefusedError
from aios.proposals.record import END
from aios.runs.approval import ChangedError, Reviewed, UnconfirmedError, review, verify_confirmed, verify_same
from aios.runs.context import Context
from aios.runs.gates import open_gate
from aios.runs.hand_edits import operators_share
from aios.runs.history import APPROVED, utc
from aios.runs.landed_branches import clear, keep_steps
from aios.runs.landings import REBASE, Landing
from aios.runs.propose import assess
from aios.runs.session import open_session
from aios.runs.shared_main import land
from aios.runs.showing_anew import show_anew
from aios.runs.undecided import undecided
from aios.store.commits import commit_object
from aios.store.edit import edit
from aios.store.log import read_events


class Outcome(StrEnum):
    APPROVED = "approved"
    UNCONFIRMED = "unconfirmed"  # an approver's word on the exact commit is missing
    SHOWN = "shown anew"  # what came to main was not what was shown
    REFUSED = "refused"
    BUSY = "busy"  # another process has the run

    @property
    def waits(self) -> bool:
        return self is not Outcome.APPROVED


@dataclass(frozen=True, slots=True)
class Adopted:
    """What became of one merge. `by` is who merged it, `commit` where main says so, `effects` what may happen now;
    `why` and `hint` say what is in the way."""

    run: str
    outcome: Outcome
    by: str
    number: int = 0
    url: str = ""
    commit: str = ""
    effects: tuple[str, ...] = ()
    why: str = ""
    hint: str = ""

    def as_dict(self) -> dict[str, Any]:
        names = ("run", "by", "number", "url", "commit", "why", "hint")
        return {name: getattr(self, name) for name in names} | {
            "outcome": self.outcome.value,
            "effects": list(self.effects),
        }


class _DecidedError(Exception):
    """Another process noted it first."""


def adopt_merged(context: Context) -> list[Adopted]:
    """Decide every merge that is not decided yet; nothing where the company names no forge.

    Raises TransientError, with what was decided so far on main, where the forge does not answer.
    """
    return list(adoptions(context))


def adoptions(context: Context) -> Iterator[Adopted]:
    """`adopt_merged`, told one by one."""
    if context.forge is None:
        return
    for landing in undecided(context, context.forge):
        adopted = _adopted(context, context.forge, landing)
        if adopted is not None:
            yield adopted


def _adopted(context: Context, forge: Forge, landing: Landing) -> Adopted | None:
    told = Adopted(landing.run, Outcome.REFUSED, landing.by, landing.number, landing.url)
    try:
        reviewed = _judged(context, forge, landing)
        commit = _note(context, reviewed)
    except _DecidedError:
        return None
    except UnconfirmedError as error:
        keep_steps(context, landing.run, landing.head)
        return replace(told, outcome=Outcome.UNCONFIRMED, why=error.message, hint=error.hint)
    except ChangedError as error:
        return _shown_anew(context, landing, replace(told, why=error.message))
    except BusyError as error:
        return replace(told, outcome=Outcome.BUSY, why=error.message, hint=error.hint)
    except RefusedError as error:
        keep_steps(context, landing.run, landing.head)
        return replace(told, why=error.message, hint=error.hint)
    effects = tuple(effect.summary for effect in reviewed.effects)
    return replace(told, outcome=Outcome.APPROVED, commit=commit, effects=effects)


def _shown_anew(context: Context, landing: Landing, told: Adopted) -> Adopted:
    try:
        shown = show_anew(context, landing, told.why)
    except BusyError as error:
        return replace(told, outcome=Outcome.BUSY, why=error.message, hint=error.hint)
    if not shown:
        return replace(told, hint="its run has no open gate: `aios runs` tells where it stands")
    hint = f"look at it with `aios show {landing.run.split('/')[2]}` and merge it again: {told.why}"
    return replace(told, outcome=Outcome.SHOWN, hint=hint)


def _judged(context: Context, forge: Forge, landing: Landing) -> Reviewed:
    """What may be approved now: as reviewed, as merged, and as main is today. Raises RefusedError otherwise."""
    reviewed = review(context, forge, landing)
    verify_same(context, reviewed, context.main, "main was changed since")
    base = context.git.merge_base(landing.before, landing.head) if landing.before else None
    verdict, _ = assess(
        context, reviewed.definitions, reviewed.state, landing.head, reviewed.effects, base=base or reviewed.state.base
    )
    if verdict.decision is Decision.DENY:
        raise RefusedError(
            f"a policy denies it: {verdict.why} (rule {verdict.rule})",
            "nothing was sent; change the policy, or `aios reject` it",
        )
    if verdict.decision is Decision.CONFIRM:
        verify_confirmed(context, forge, landing, verdict.why)
    return reviewed


def _note(context: Context, reviewed: Reviewed) -> str:
    """The approval as an event on main; its commit. Raises _DecidedError where another process made it."""
    landing, state, git = reviewed.landing, reviewed.state, context.git
    with open_session(context, landing.run) as session:
        if open_gate(session.state) not in {reviewed.gate, ""}:
            raise RefusedError(f"it waits at `{open_gate(session.state)}` by now", "look with `aios show`")
        note, path = _event(reviewed), run_record_path(state.id, state.started_at)

        def make(tip: str) -> str:
            if _is_decided(context, reviewed, tip):
                raise _DecidedError
            verify_same(context, reviewed, tip, "main was changed since")
            return commit_object(
                git,
                parent=tip,
                changes={path: _decided(context, reviewed, tip, path)},
                message=render_message(note),
                at=context.now(),
                author=AIOS_NAME,
                email=AIOS_EMAIL,
                parents=() if _has_events(context, reviewed, tip) else (landing.head,),
            )

        commit = land(context, make, name="approval").commit
        clear(context, landing)
        return commit


def _is_decided(context: Context, reviewed: Reviewed, tip: str) -> bool:
    key = _key(reviewed)
    events = read_events(context.git, until=tip, run=reviewed.state.id)
    return any(event.type == APPROVED and event.trailer("Key") == key for event in events)


def _key(reviewed: Reviewed) -> str:
    return key_of("approval", reviewed.state.id, reviewed.gate, reviewed.landing.head)


def _has_events(context: Context, reviewed: Reviewed, tip: str) -> bool:
    """Has main the run's steps: the branch's commits, or their copies? Squashed, they come in beside its one commit."""
    git, landing = context.git, reviewed.landing
    if git.is_ancestor(landing.head, tip):
        return True
    there = {event.imprint for event in read_events(git, until=tip, run=landing.run)}
    ours = {event.imprint for event in read_events(git, until=landing.head, run=landing.run)}
    return landing.method == REBASE and ours <= there


def _actor(landing: Landing) -> str:
    login = landing.by if landing.number and "@" not in landing.by else ""
    return f"{OPERATOR}:{LOGIN}{login}" if login else f"{OPERATOR}:{_name(landing)}"


def _name(landing: Landing) -> str:
    pushed = landing.by == AIOS_EMAIL and landing.pusher
    return f"{LOGIN}{landing.pusher}" if pushed and "@" not in landing.pusher else landing.pusher or landing.by


def _event(reviewed: Reviewed) -> EventNote:
    landing, run = reviewed.landing, reviewed.state.id
    path = run_record_path(run, reviewed.state.started_at)
    where = f"#{landing.number}" if landing.number else landing.commit[:10]
    output: dict[str, Any] = {
        "effects": [effect.key for effect in reviewed.effects],
        "head": landing.head,
        "merge": landing.commit,
        "before": landing.before,
        "method": landing.method,
        "by": landing.by,
        "at": utc(landing.at),
        **({"proposal": landing.number} if landing.number else {}),
        **({"url": landing.url} if landing.url else {}),
    }
    done = [f"- {effect.summary}" for effect in reviewed.effects] or ["No effect outside this repository."]
    return EventNote(
        type=APPROVED,
        title=run,
        body="\n".join([f"Merged as {where} ({landing.method}).", *done]),
        records=(path.removeprefix("state/").removesuffix(".yaml"),),
        run=run,
        step=reviewed.gate,
        actor=_actor(landing),
        key=_key(reviewed),
        output=output,
    )


def _decided(context: Context, reviewed: Reviewed, tip: str, path: str) -> bytes:
    """The run record as main has it, with the decision."""
    landing, record = reviewed.landing, context.git.read_blob(f"{tip}:{path}")
    if record is None:
        raise RefusedError(f"the run record {path} is missing on {context.main}", "`git log` tells who took it away")
    at, actor = utc(landing.at), _actor(landing)
    share = operators_share(
        context,
        landing.run,
        landing.head,
        at=at,
        actor=actor,
        before=reviewed.record.get("operator"),
        main=landing.before,
    )
    decision = {"what": "approved", "by": actor, "at": at, **({"proposal": landing.url} if landing.url else {})}
    final = reviewed.gate == END
    status = RunStatus.DONE if final else RunStatus.RUNNING
    fields: dict[Where | str, Any] = {"status": status.value, "decided": at, "decision": decision, "operator": share}
    return edit(record.decode(), fields | ({"finished": context.now()} if final else {})).encode()
