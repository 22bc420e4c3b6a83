"""Effects that the operator keeps back: their record says `status: withheld`, and approval covers all the others."""

from __future__ import annotations

from aios.domain.event import EventNote, StepStatus
from aios.domain.keys import key_of
from aios.domain.record import Record
from aios.domain.run import Start
from aios.domain.workflow import StepKind
from aios.proposals.record import step_data
from aios.runs.context import Context, Progress
from aios.runs.history import apply, fact_of_note
from aios.runs.main_branch import commit_to_main
from aios.runs.outcome import record_changes
from aios.runs.session import Session

WITHHELD = "withheld"


def is_withheld(record: Record) -> bool:
    return record.kind == "message" and record.get("status") == WITHHELD


def pass_over(context: Context, session: Session, start: Start, record: Record) -> None:
    """Write down on main that the step was passed over for that record."""
    state = session.state
    note = EventNote(
        type="step.skipped",
        title=f"{start.step}: {record.ref} is withheld",
        records=(record.ref,),
        run=state.id,
        step=start.step,
        item=start.item,
        attempt=start.attempt,
        status=StepStatus.SKIPPED.value,
        key=key_of("withheld", state.id, start.step, start.item, record.ref),
    )
    after = apply(state, fact_of_note(note, context.now()))
    step = step_data(after.steps[start.step], StepKind.EFFECT)
    commit_to_main(context, note, lambda tip: record_changes(context, state, tip, {f"steps.{start.step}": step}))
    session.learn(note)
    context.report(Progress(state.id, start.step, "skipped", start.item, f"{record.ref} is withheld"))
