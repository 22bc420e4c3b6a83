"""Writing down on main what became of an effect: the canonical record and the run record, in one commit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from aios.domain.effect import Effect, Receipt
from aios.domain.event import EventNote, StepStatus
from aios.domain.keys import key_of
from aios.domain.run import Start
from aios.domain.workflow import StepKind
from aios.effects.bulk import TOLD, NotDone, Tally
from aios.effects.payloads import record_update
from aios.errors import AiosError
from aios.proposals.record import step_data
from aios.runs.context import Context
from aios.runs.history import apply, fact_of_note
from aios.runs.main_branch import commit_to_main
from aios.runs.outcome import record_changes
from aios.runs.session import Session
from aios.store.edit import edit

EVENTS = {
    "cms.publish": "content.published",
    "cms.update": "content.updated",
    "cms.unpublish": "content.unpublished",
    "mail.send": "message.sent",
    "invoices.draft": "invoice.drafted",
    "invoices.remind": "invoice.reminded",
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an effect ended: its receipt, or the error where nothing of it was done; `counts` tells of its parts."""

    receipt: Receipt | None = None
    error: AiosError | None = None
    counts: Mapping[str, Any] = field(default_factory=dict)


def counts_of(tally: Tally) -> dict[str, Any]:
    """What the run record tells of an effect's parts: numbers, and the first of those that were not done."""
    return {
        "parts": tally.of,
        "done": tally.done,
        **_named("refused", tally.refused),
        **_named("withheld", tally.withheld),
    }


def _named(what: str, parts: list[NotDone]) -> dict[str, Any]:
    told = [{"target": part.target, "why": part.why} for part in parts[:TOLD]]
    return {what: len(parts), f"{what}_first": told} if parts else {}


def write_down(context: Context, session: Session, start: Start, effect: Effect, outcome: Outcome) -> None:
    """The bookkeeping commit."""
    state, receipt, error = session.state, outcome.receipt, outcome.error
    # How it came to be known stays in the ledger: the tree is the same whether the process died in between or not.
    output = {"key": effect.key, "url": receipt.url, **outcome.counts} if receipt else None
    status = StepStatus.SUCCEEDED if receipt else StepStatus.FAILED
    item = () if start.item is None else (start.item,)
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
        key=key_of("bookkeeping", state.id, start.step, effect.key, status.value, start.attempt, *item),
        output=output,
        error=str(error) if error else "",
    )
    after = apply(state, fact_of_note(note, context.now()))
    step = step_data(after.steps[start.step], StepKind.EFFECT)

    def changes(tip: str) -> dict[str, bytes | None]:
        found = record_changes(context, state, tip, {f"steps.{start.step}": step})
        return found | (updated(context, tip, effect, receipt, done=outcome.counts.get("done", 1)) if receipt else {})

    commit_to_main(context, note, changes)
    session.learn(note)
    context.checkpoint("after bookkeeping")


def updated(context: Context, tip: str, effect: Effect, receipt: Receipt, *, done: int = 1) -> dict[str, bytes | None]:
    """The canonical record with what the effect did to it; nothing where it is gone."""
    for suffix in ("md", "yaml"):
        path = f"state/{effect.record}.{suffix}"
        content = context.git.read_blob(f"{tip}:{path}") if effect.record else None
        if content is not None:
            fields = record_update(effect, receipt, done=done)
            return {path: edit(content.decode(), dict(fields.items())).encode()}
    return {}
