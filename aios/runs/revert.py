"""Undoing a run: its effects' compensations in reverse order, each claimed, done and receipted like any effect.

    plan → settled? → by an approver? → policies → approved on main → each: policies again → act → written down → told

What was approved stands on main before anything is done, so that an undoing that was cut off is seen, and goes on with
the same keys: what has its receipt is not done again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from aios.domain.effect import Connector, Effect, Receipt
from aios.domain.event import EventNote
from aios.domain.keys import key_of
from aios.domain.policy import Decision, PolicyFacts
from aios.domain.proposal import PlannedEffect
from aios.domain.run import RunState, RunStatus
from aios.domain.wording import counted
from aios.effects.executor import Ask, Done, execute
from aios.effects.ledger import Ledger
from aios.effects.payloads import record_update
from aios.errors import AiosError, BusyError, CredentialsError, HeldError, RefusedError, TransientError
from aios.policies import facts as policy_facts
from aios.policies import judge, load_rules
from aios.runs.conductor import drop_branch
from aios.runs.context import Context, Progress
from aios.runs.effects import desk_of, run_record
from aios.runs.gate import verify_approver
from aios.runs.history import REVERTED, REVERTING
from aios.runs.holding import today
from aios.runs.main_branch import commit_to_main
from aios.runs.outcome import record_changes
from aios.runs.recordings import recording_effect
from aios.runs.session import Session, events_of, open_session
from aios.runs.traces import commit_kept
from aios.runs.undoing import Undo, plan_revert
from aios.store.documents import parse
from aios.store.edit import edit
from aios.store.merge import merge_documents
from aios.store.trees import CommitTree

TOLD = 100  # keys and lines that an event tells; the ledger has them all
__all__ = ["Undo", "plan_revert", "revert"]


def revert(context: Context, run: str, *, reason: str, word: str = "") -> list[Receipt]:
    """Undo what can be undone; the receipts, latest effect first. `word` is the one that a strict policy asks for.

    Raises RefusedError where nothing can be undone, where it may not be done, or where a service refuses a part of it
    (the rest is done all the same), and TransientError where it goes on later. Doing it again goes on.
    """
    with open_session(context, run) as session:
        plan = plan_revert(context, run)
        undoing = [undo for undo in plan if undo.compensation]
        if not undoing:
            raise RefusedError(f"nothing of {run} can be undone", "`aios explain` tells what it did")
        if run_record(context, session.state).get("status") == RunStatus.REVERTED.value:
            raise RefusedError(f"{run} is undone already", "`aios explain` tells when and by whom")
        approval = _approve(context, session, undoing, reason, word)
        receipts, refused = [], []
        for undo in undoing:
            try:
                receipts.append(_compensate(context, session, undo, undoing, approval))
            except AiosError as error:
                if _ends_the_sitting(error):
                    raise _stopped(error, len(receipts), len(undoing)) from error
                refused.append(f"{undo.summary}: {error.message}")
        if refused:
            told = f"{len(receipts)} of {counted(len(undoing), 'effect')} undone; refused: {'; '.join(refused)}"
            raise RefusedError(told, "see to it at the service, then `aios revert` goes on with what is left")
        _finish(context, session, undoing, reason)
        drop_branch(context, session)
    return receipts


# Allowing it


def _approve(context: Context, session: Session, undoing: Sequence[Undo], reason: str, word: str) -> str:
    """The commit on main that allows exactly these compensations; an earlier one where it was begun before."""
    verify_approver(context)
    state, effects = session.state, [undo.compensation for undo in undoing if undo.compensation]
    verdict = judge(_rules(context), _facts(context, state, undoing))
    if verdict.decision is Decision.DENY:
        raise RefusedError(f"a policy denies undoing it: {verdict.why} (rule {verdict.rule})", "state/policies/")
    if verdict.decision is Decision.CONFIRM and word != state.subject:
        raise RefusedError(
            f"undoing it asks for a word: {verdict.why}", f"add --confirm {state.subject} if you mean it"
        )
    keys = [effect.key for effect in effects]
    allowed = key_of("reverting", state.id, keys)
    for event in events_of(context.git, state.id, main=context.main):
        if (event.type, event.trailer("Key"), event.author_email) == (REVERTING, allowed, context.operator.email):
            return event.commit
    note = EventNote(
        type=REVERTING,
        title=reason or state.id,
        body="\n".join(f"- {undo.summary}" for undo in undoing[:TOLD]),
        run=state.id,
        actor=f"operator:{context.operator.email}",
        key=allowed,
        output={"effects": keys[:TOLD], "reason": reason},
    )
    return commit_to_main(context, note, {}, as_operator=True)


def _rules(context: Context) -> Any:
    return load_rules(CommitTree(context.git, context.main), parse)[0]


def _facts(context: Context, state: RunState, undoing: Sequence[Undo]) -> PolicyFacts:
    """What policies are told: the compensations as effects. Each counts as one that can be undone: it brings back what
    was there before, and a new run may do again what it undid."""
    planned = [
        PlannedEffect(
            step=effect.step,
            capability=effect.capability,
            connector=effect.connector,
            target=effect.target,
            key=effect.key,
            summary=undo.summary,
            preview="",
            reversible=True,
            undo="",
            payload=effect.payload,
            record=effect.record,
        )
        for undo in undoing
        if (effect := undo.compensation) is not None
    ]
    return policy_facts.build(
        workflow=state.workflow,
        subject=state.subject,
        agents=(),
        changes=(),
        effects=planned,
        trust=(),
        findings=(),
        today=today(context, planned, {each.key: (each.key,) for each in planned}),
    )


# Doing it


def _ends_the_sitting(error: AiosError) -> bool:
    """Would the others meet the same? Only what the service refuses for good is this one's alone."""
    later = isinstance(error, TransientError | HeldError | CredentialsError | BusyError)
    return later or not isinstance(error, RefusedError)


def _stopped(error: AiosError, done: int, of: int) -> AiosError:
    told = f"{done} of {counted(of, 'effect')} undone; {error.message}"
    hint = "; ".join(part for part in (error.hint, "`aios revert` goes on with what is left") if part)
    if isinstance(error, TransientError):
        return TransientError(told, hint, retry_after=error.retry_after, sent=error.sent)
    return RefusedError(told, hint) if isinstance(error, RefusedError) else AiosError(told, hint)


def _compensate(context: Context, session: Session, undo: Undo, undoing: Sequence[Undo], approval: str) -> Receipt:
    """One of them, once, with a span and a recording, and what became of it written down on main."""
    effect = undo.compensation
    assert effect is not None  # noqa: S101  the caller chose those that have one
    connector: Connector = context.connectors(CommitTree(context.git, context.main))[effect.connector]

    def permit() -> None:
        verdict = judge(_rules(context), _facts(context, session.state, undoing), at="apply")
        if verdict.decision is Decision.DENY:
            raise HeldError(f"a policy holds it back: {verdict.why} (rule {verdict.rule})", "state/policies/")

    approved = frozenset(each.compensation.key for each in undoing if each.compensation)
    try:
        with recording_effect(context, session.state, effect, connector) as (recorded, told):
            desk = replace(desk_of(context), permit=permit)
            done = execute(effect, recorded, desk, approved=approved, approved_commit=approval)
            told["aios.effect.outcome"] = done.question.text if isinstance(done, Ask) else done.receipt.how.value
    finally:
        commit_kept(context.git, session.run, at=context.now())
    if not isinstance(done, Done):
        raise HeldError(done.question.text, "`aios reconcile` takes your word for it")
    _write_down(context, session.state, effect, done.receipt)
    context.report(Progress(session.run, effect.step, "succeeded", detail=undo.summary))
    return done.receipt


# Writing it down


def _write_down(context: Context, state: RunState, effect: Effect, receipt: Receipt) -> None:
    """The canonical record as it is after a compensation; nothing where it says so already."""

    def changes(tip: str) -> dict[str, bytes | None]:
        found: dict[str, bytes | None] = {}
        for path in (f"state/{effect.record}.md", f"state/{effect.record}.yaml") if effect.record else ():
            before = context.git.read_blob(f"{tip}:{path}")
            content = _before(context, effect, path, tip)
            if content is not None:
                after = edit(content.decode(), dict(record_update(effect, receipt).items())).encode()
                found |= {path: after} if after != before else {}
        return found

    if not changes(context.git.commit(context.main)):
        return
    note = EventNote(
        type="effect.undone",
        title=f"{effect.capability} {effect.target}",
        records=(effect.record,),
        run=state.id,
        actor=f"connector:{effect.connector}",
        key=key_of("undone", state.id, effect.key),
        output={"key": effect.key, "undoes": effect.payload.get("undoes"), "url": receipt.url},
    )
    commit_to_main(context, note, changes)


def _before(context: Context, effect: Effect, path: str, tip: str) -> bytes | None:
    """The record's file as it is to be: for what brings an earlier text back, that text with what changed since."""
    git = context.git
    content = git.read_blob(f"{tip}:{path}")
    claim = Ledger(git).get(str(effect.payload.get("undoes")))[0]
    if effect.capability != "cms.restore" or claim is None or content is None:
        return content
    approved, earlier = (
        git.read_blob(f"{commit}:{path}") for commit in (claim.approved_commit, f"{claim.approved_commit}^")
    )
    if approved is None or earlier is None:
        return content
    return merge_documents(path, approved, content, earlier).content


def _finish(context: Context, session: Session, undoing: Sequence[Undo], reason: str) -> None:
    effects = [undo.compensation for undo in undoing if undo.compensation]
    note = EventNote(
        type=REVERTED,
        title=reason or session.run,
        body="\n".join(f"- {effect.capability} {effect.target}" for effect in effects[:TOLD]),
        records=tuple(dict.fromkeys(effect.record for effect in effects if effect.record)),
        run=session.run,
        actor=f"operator:{context.operator.email}",
        key=key_of("revert", session.run),
        output={"effects": [effect.key for effect in effects][:TOLD], "reason": reason},
    )
    fields = {"status": RunStatus.REVERTED.value, "finished": context.now()}
    commit_to_main(context, note, lambda tip: record_changes(context, session.state, tip, fields), as_operator=True)
    context.checkpoint("after reverting")
