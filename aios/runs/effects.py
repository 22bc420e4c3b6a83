"""The effects of an approved run: done through the executor, then written down on main."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from aios.domain.agent import Question
from aios.domain.effect import Claim, Connector, Effect, Receipt
from aios.domain.event import EventNote, StepStatus
from aios.domain.keys import key_of
from aios.domain.names import run_record_path
from aios.domain.proposal import PlannedEffect
from aios.domain.run import RunState, Start
from aios.effects.executor import Ask, Desk, execute, proves_absence, settle
from aios.effects.ledger import Ledger
from aios.effects.payloads import effect_of, record_update
from aios.errors import AiosError, RefusedError, TransientError
from aios.proposals.record import effects_of
from aios.runs.context import Context, Progress
from aios.runs.definitions import Definitions
from aios.runs.main_branch import commit_to_main
from aios.runs.outcome import record_changes
from aios.runs.recordings import recording_effect
from aios.runs.session import Session, read_state
from aios.store.documents import parse
from aios.store.edit import edit

EVENTS = {"cms.publish": "content.published", "cms.update": "content.updated", "cms.unpublish": "content.unpublished"}


class EffectAskError(AiosError):
    """Nobody knows whether the effect happened."""

    def __init__(self, step: str, question: Question) -> None:
        super().__init__(question.text)
        self.step = step
        self.question = question

    def as_dict(self) -> dict[str, object]:
        return asdict(self.question)


class EffectPausedError(AiosError):
    """Effects are stopped, or the service asks to come back later; nothing is lost."""

    def __init__(self, step: str, message: str) -> None:
        super().__init__(message)
        self.step = step


def run_record(context: Context, state: RunState, ref: str = "") -> Mapping[str, Any]:
    """The run record on main (or at `ref`). Raises RefusedError where there is none."""
    path = run_record_path(state.id, state.started_at)
    content = context.git.read_blob(f"{ref or context.main}:{path}")
    document = parse(path, content)[0] if content is not None else None
    if document is None:
        raise RefusedError(f"the run record {path} is missing on {context.main} or cannot be read", "`aios check`")
    return document.data


def desk_of(context: Context) -> Desk:
    return Desk(Ledger(context.git), context.now, context.worker, context.paused, context.checkpoint, context.alive)


def perform_effect(context: Context, session: Session, definitions: Definitions, start: Start) -> Receipt:
    """Do one approved effect of the run and write down on main what came of it.

    Raises EffectAskError and EffectPausedError where the run has to wait; any other AiosError of the service is
    recorded as the step's failure.
    """
    state = session.state
    record = run_record(context, state)
    planned = next((effect for effect in effects_of(record) if effect.step == start.step), None)
    if planned is None:
        raise RefusedError(f"`{start.step}` was not among the approved effects", "nothing was sent")
    connector = context.connectors(definitions.tree).get(planned.connector)
    if connector is None:
        raise RefusedError(f"the connector {planned.connector} is gone", "see state/connectors/")
    effect = effect_of(planned, state.id)
    context.report(Progress(state.id, start.step, "started"))
    try:
        approval = approving_commit(context, state)
        approved = {effect.key for effect in effects_of(run_record(context, state, approval))}
        with recording_effect(context, state, effect, connector) as (recorded, told):
            done = execute(effect, recorded, desk_of(context), approved=approved, approved_commit=approval)
            told["aios.effect.outcome"] = done.question.text if isinstance(done, Ask) else done.receipt.how.value
    except TransientError as error:
        raise EffectPausedError(start.step, f"{error.message}; `aios apply` tries again") from error
    except RefusedError as error:
        raise EffectPausedError(start.step, f"{error.message} ({error.hint})") from error
    except AiosError as error:
        write_down(context, session, start, effect, None, error)
        return Receipt(effect.key, "failed", how=_acted(), at=context.now(), detail=error.message)
    if isinstance(done, Ask):
        raise EffectAskError(start.step, done.question)
    write_down(context, session, start, effect, done.receipt, None)
    context.report(Progress(state.id, start.step, "succeeded", detail=_told(planned, done.receipt)))
    return done.receipt


def _told(planned: PlannedEffect, receipt: Receipt) -> str:
    return planned.summary if receipt.url in planned.summary else f"{planned.summary} {receipt.url}"


def _acted() -> Any:
    from aios.domain.effect import HowKnown

    return HowKnown.ACTED


def approving_commit(context: Context, state: RunState) -> str:
    """The merge that approved the run, made by an approver. Fails closed."""
    text = context.git.text(
        "log",
        "--fixed-strings",
        f"--grep=Aios-Run: {state.id}",
        "--format=%H%x00%ae%x00%(trailers:key=Aios-Event,valueonly,separator=%x2c)%x00%(trailers:key=Aios-Run,valueonly,separator=%x2c)",
        context.main,
    )
    company = parse("company.yaml", context.git.read_blob(f"{context.main}:state/company.yaml") or b"")[0]
    approvers = {str(each).casefold() for each in (company.data.get("approvers") if company else None) or ()}
    for line in text.splitlines():
        commit, email, event, run = line.split("\0")
        if event == "proposal.approved" and run == state.id:
            if not approvers:
                raise RefusedError("state/company.yaml names no approver that can be read", "nothing was sent")
            if email.casefold() not in approvers:
                raise RefusedError(f"{email} merged this, and is not among the company's approvers", "nothing was sent")
            return commit
    raise RefusedError(f"no merge on {context.main} approves {state.id}", "nothing was sent")


def write_down(
    context: Context, session: Session, start: Start, effect: Effect, receipt: Receipt | None, error: AiosError | None
) -> None:
    """The bookkeeping commit: the canonical record and the run record say what happened."""
    state = session.state
    # How it came to be known stays in the ledger: the tree is the same whether the process died in between or not.
    output = {"key": effect.key, "url": receipt.url} if receipt else None
    status = StepStatus.SUCCEEDED if receipt else StepStatus.FAILED
    note = EventNote(
        type=EVENTS.get(effect.capability, "effect.done") if receipt else "step.failed",
        title=f"{effect.target}" if receipt else f"{start.step}: {error.message if error else ''}",
        records=(effect.record,) if effect.record else (),
        run=state.id,
        step=start.step,
        item=start.item,
        attempt=start.attempt,
        status=status.value,
        actor=f"connector:{effect.connector}",
        key=key_of("bookkeeping", state.id, start.step, effect.key, status.value, start.attempt),
        output=output,
        error=str(error) if error else "",
    )

    def changes(tip: str) -> dict[str, bytes | None]:
        step: dict[str, Any] = {"status": status.value, "attempts": start.attempt, "ended": context.now()}
        step |= {"output": output} if output else {"error": str(error)}
        found = record_changes(context, state, tip, {f"steps.{start.step}": step})
        path = f"state/{effect.record}.md"
        content = context.git.read_blob(f"{tip}:{path}")
        if receipt and content is not None:
            fields = record_update(effect, url=receipt.url, at=receipt.at, key=effect.key)
            found[path] = edit(content.decode(), dict(fields.items())).encode()
        return found

    commit_to_main(context, note, changes)
    session.learn(note)
    context.checkpoint("after bookkeeping")


def pending(context: Context, run: str) -> tuple[PlannedEffect, ...]:
    """Approved effects of a run that have no receipt yet."""
    state = read_state(context.git, run, main=context.main)
    ledger = Ledger(context.git)
    return tuple(e for e in effects_of(run_record(context, state)) if ledger.get(e.key)[1] is None)


def receipts(context: Context, run: str) -> list[tuple[PlannedEffect, Receipt]]:
    """The done effects of a run with their receipts. Raises RefusedError where there is none."""
    state = read_state(context.git, run, main=context.main)
    ledger = Ledger(context.git)
    found = [(effect, ledger.get(effect.key)[1]) for effect in effects_of(run_record(context, state))]
    done = [(effect, receipt) for effect, receipt in found if receipt is not None]
    if not done:
        raise RefusedError(f"{run} has no receipt", "`aios apply` does what was approved")
    return done


@dataclass(frozen=True, slots=True)
class Unsettled:
    key: str
    summary: str
    evidence: str
    command: str

    def as_dict(self) -> dict[str, str]:
        return asdict(self)


def unsettled(context: Context) -> list[Unsettled]:
    """Claims that nothing settled and that the service itself cannot answer."""
    from aios.store.trees import CommitTree

    connectors = context.connectors(CommitTree(context.git, context.main))
    found = []
    for claim in Ledger(context.git).unsettled():
        connector = connectors.get(claim.connector)
        evidence = _evidence(context, claim, connector)
        if evidence:
            said = f"claimed by {claim.claimed_by} at {claim.at}; {evidence}"
            command = f"aios reconcile {claim.key[7:19]} --happened | --did-not-happen"
            found.append(Unsettled(claim.key, f"{claim.capability} → {claim.target}", said, command))
    return found


def _evidence(context: Context, claim: Claim, connector: Connector | None) -> str:
    """Why the service cannot tell; empty where it can, and `aios apply` settles it."""
    if connector is None:
        return "its connector is gone"
    state = read_state(context.git, claim.run, main=context.main)
    planned = next((e for e in effects_of(run_record(context, state)) if e.key == claim.key), None)
    if planned is None:
        return "its run record no longer tells of it"
    try:
        found = connector.lookup(effect_of(planned, claim.run))
    except AiosError as error:
        return f"the service cannot be asked: {error.message}"
    settled = found.found or proves_absence(found, claim, context.alive)
    return "" if settled else "the service does not say whether it has it"


def settle_by_operator(context: Context, key: str, *, happened: bool, url: str) -> None:
    settle(Ledger(context.git), key, happened=happened, url=url, now=context.now(), by=context.operator.email)
