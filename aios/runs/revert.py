"""Undoing a run: its effects' compensations in reverse order, each claimed, done and receipted like any effect."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

from aios.domain.effect import Connector, Effect, Receipt
from aios.domain.event import EventNote
from aios.domain.keys import key_of
from aios.domain.proposal import PlannedEffect
from aios.domain.run import RunState, RunStatus
from aios.effects.executor import Ask, execute
from aios.effects.ledger import Ledger
from aios.effects.payloads import record_update
from aios.errors import RefusedError
from aios.proposals.record import effects_of
from aios.runs.context import Context, Progress
from aios.runs.definitions import Definitions, load
from aios.runs.effects import acts_of, desk_of, run_record
from aios.runs.history import REVERTED
from aios.runs.main_branch import commit_to_main
from aios.runs.outcome import record_changes
from aios.runs.recordings import recording_effect
from aios.runs.session import Session, open_session, read_state
from aios.runs.traces import commit_kept
from aios.store.edit import edit
from aios.store.merge import merge_documents
from aios.store.trees import CommitTree


@dataclass(frozen=True, slots=True)
class Undo:
    """One done effect of the run and what would undo it; `compensation` is None where nothing does."""

    summary: str
    done: str
    compensation: Effect | None

    def as_dict(self) -> dict[str, Any]:
        return {
            "summary": self.summary,
            "undoes": self.done,
            "compensation": asdict(self.compensation) if self.compensation else None,
        }


def plan_revert(context: Context, run: str) -> list[Undo]:
    """What reverting would do, latest effect first."""
    state = read_state(context.git, run, main=context.main)
    definitions = load(context, state.workflow, state.base)
    ledger = Ledger(context.git)
    record = run_record(context, state)
    connectors = context.connectors(definitions.tree)
    undone: list[Undo] = []
    for planned in reversed(effects_of(record)):
        connector = connectors.get(planned.connector)
        acts = [(act, ledger.get(act.key)[1]) for act in acts_of(planned, state.id, connector)]
        done = [(act, receipt) for act, receipt in acts if receipt is not None]
        found = [_undo(definitions, planned, act, receipt, connector) for act, receipt in reversed(done)]
        if len(acts) > 1 and not any(each.compensation for each in found):
            told = f"{planned.summary}: {len(done)} of {len(acts)} were done"
            found = [Undo(told, planned.key, None)] if done else []
        undone += found
    return undone


def _undo(
    definitions: Definitions, planned: PlannedEffect, effect: Effect, receipt: Receipt, connector: Connector | None
) -> Undo:
    step = definitions.workflow.steps[planned.step]
    undoing = connector.undo(effect, receipt) if connector else None
    if connector is None or undoing is None:
        return Undo(planned.summary, planned.key, None)
    if step.compensate and planned.capability == step.uses and step.compensate != undoing.capability:
        target = connector.target(step.compensate, undoing.payload)
        undoing = replace(undoing, capability=step.compensate, target=target)
    if undoing.capability not in connector.capabilities():
        return Undo(planned.summary, planned.key, None)
    undoing = replace(undoing, step=f"{planned.step}-undo")
    return Undo(connector.preview(undoing).summary, planned.key, undoing)


def revert(context: Context, run: str, *, reason: str) -> list[Receipt]:
    """Undo what can be undone. Raises RefusedError where nothing can, or where effects are stopped."""
    plan = plan_revert(context, run)
    effects = [undo.compensation for undo in plan if undo.compensation]
    if not effects:
        raise RefusedError(f"nothing of {run} can be undone", "`aios explain` tells what it did")
    ledger = Ledger(context.git)
    if all(ledger.get(effect.key)[1] for effect in effects) and _is_told(context, run):
        raise RefusedError(f"{run} is undone already", "`aios explain` tells when and by whom")
    receipts: list[Receipt] = []
    with open_session(context, run) as session:
        for effect in effects:
            connector: Connector = context.connectors(CommitTree(context.git, session.state.base))[effect.connector]
            receipts.append(_compensate(context, session, effect, connector))
            context.report(Progress(run, effect.step, "succeeded", detail=f"{effect.capability} {effect.target}"))
        _write_down(context, session.state, effects, receipts, reason)
    return receipts


def _compensate(context: Context, session: Session, effect: Effect, connector: Connector) -> Receipt:
    """Do it, once, with a span and a recording. Raises RefusedError where nobody knows whether it happened."""
    try:
        with recording_effect(context, session.state, effect, connector) as (recorded, told):
            done = execute(
                effect,
                recorded,
                desk_of(context),
                approved={effect.key},
                approved_commit=context.git.commit(context.main),
            )
            told["aios.effect.outcome"] = done.question.text if isinstance(done, Ask) else done.receipt.how.value
    finally:
        commit_kept(context.git, session.run, at=context.now())
    if isinstance(done, Ask):
        raise RefusedError(done.question.text, "`aios reconcile` settles it")
    return done.receipt


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


def _is_told(context: Context, run: str) -> bool:
    """Does the run's record on main say that it was reverted? A crash may lie between the receipts and that."""
    state = read_state(context.git, run, main=context.main)
    return run_record(context, state).get("status") == RunStatus.REVERTED.value


def _write_down(context: Context, state: RunState, effects: list[Effect], receipts: list[Receipt], reason: str) -> None:
    note = EventNote(
        type=REVERTED,
        title=reason or state.id,
        body="\n".join(f"- {effect.capability} {effect.target}" for effect in effects),
        records=tuple(dict.fromkeys(effect.record for effect in effects)),
        run=state.id,
        actor=f"operator:{context.operator.email}",
        key=key_of("revert", state.id),
        output={"effects": [receipt.key for receipt in receipts], "reason": reason},
    )

    def changes(tip: str) -> dict[str, bytes | None]:
        found = record_changes(context, state, tip, {"status": RunStatus.REVERTED.value, "finished": context.now()})
        for effect, receipt in zip(effects, receipts, strict=True):
            for path in (f"state/{effect.record}.md", f"state/{effect.record}.yaml"):
                content = _before(context, effect, path, tip) if effect.record else None
                if content is not None:
                    fields = record_update(effect, receipt)
                    found[path] = edit(content.decode(), dict(fields.items())).encode()
        return found

    commit_to_main(context, note, changes, as_operator=True)
