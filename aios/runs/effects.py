"""The effects of an approved run: done through the executor, then written down on main."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

from aios.domain.agent import Question
from aios.domain.effect import Connector, Effect, HowKnown, Receipt
from aios.domain.names import run_record_path
from aios.domain.proposal import PlannedEffect
from aios.domain.run import RunState, Start
from aios.effects import bulk
from aios.effects.executor import Ask, Desk, execute
from aios.effects.ledger import Hold, Ledger
from aios.effects.payloads import effect_of
from aios.errors import AiosError, BusyError, CredentialsError, HeldError, RefusedError, TransientError
from aios.proposals.record import effects_of
from aios.runs.acts import acts_of
from aios.runs.approval import approving_commit
from aios.runs.bookkeeping import Outcome, counts_of, write_down
from aios.runs.context import Context, Progress
from aios.runs.definitions import Definitions
from aios.runs.holding import Guard, closed_addresses
from aios.runs.planning import record_of
from aios.runs.recordings import recording_effect
from aios.runs.session import Session, read_state
from aios.runs.withheld import is_withheld, pass_over
from aios.store.catalog import Catalog
from aios.store.documents import parse
from aios.store.maintain import maintain
from aios.store.trees import CommitTree

TIDY = 50  # acts after which the object store is tidied


class EffectAskError(AiosError):
    """Nobody knows whether the effect happened."""

    def __init__(self, step: str, question: Question) -> None:
        super().__init__(question.text)
        self.step = step
        self.question = question

    def as_dict(self) -> dict[str, object]:
        return asdict(self.question)


class EffectPausedError(AiosError):
    """Effects are held back, or the service asks to come back later; nothing is lost. `until` is ISO 8601 UTC, empty
    where nobody knows; `for_all` tells that the connector's other effects would wait as well."""

    def __init__(self, step: str, message: str, *, until: str = "", for_all: bool = False) -> None:
        super().__init__(message)
        self.step = step
        self.until = until
        self.for_all = for_all


def run_record(context: Context, state: RunState, ref: str = "") -> Mapping[str, Any]:
    """The run record on main (or at `ref`). Raises RefusedError where there is none."""
    path = run_record_path(state.id, state.started_at)
    content = context.git.read_blob(f"{ref or context.main}:{path}")
    document = parse(path, content)[0] if content is not None else None
    if document is None:
        raise RefusedError(f"the run record {path} is missing on {context.main} or cannot be read", "`aios check`")
    return document.data


def desk_of(context: Context) -> Desk:
    return Desk(
        Ledger(context.git, context.remote),
        context.now,
        context.worker,
        context.paused,
        context.checkpoint,
        context.alive,
        pause=context.pause,
    )


def perform_effect(
    context: Context, session: Session, definitions: Definitions, start: Start, spent: Counter[str]
) -> Receipt | None:
    """Do one approved effect of the run and write down on main what came of it; None where it is withheld.

    `spent` counts the acts of this sitting by connector. Raises EffectAskError and EffectPausedError where the run has
    to wait, which the ledger remembers; any other AiosError of the service is recorded as the step's failure.
    """
    state = session.state
    planned = _planned(context, state, start)
    if planned is None:
        _withheld(context, session, definitions, start)
        return None
    connectors = context.connectors(CommitTree(context.git, context.main))  # main's: `mode` is set after approval too
    connector = connectors.get(planned.connector)
    if connector is None:
        raise RefusedError(f"the connector {planned.connector} is gone or not in order", "`aios connectors list`")
    effect, ledger = effect_of(planned, state.id), Ledger(context.git, context.remote)
    context.report(Progress(state.id, start.step, "started", start.item))
    try:
        outcome = _act(context, session, definitions, start, planned, connectors, spent)
    except EffectAskError as ask:
        ledger.hold(Hold(effect.key, state.id, "doubt", context.now(), ask.question.text))
        raise
    except (RefusedError, TransientError) as error:
        hold = _hold(context, effect, error)
        if not isinstance(error, BusyError):
            ledger.hold(hold)
        raise EffectPausedError(
            start.step, hold.why, until=hold.until, for_all=isinstance(error, CredentialsError | HeldError)
        ) from error
    write_down(context, session, start, effect, outcome)
    told = "failed" if outcome.error else "succeeded"
    context.report(Progress(state.id, start.step, told, start.item, _told(planned, outcome)))
    return outcome.receipt or Receipt(effect.key, "failed", HowKnown.ACTED, context.now(), detail=str(outcome.error))


def _planned(context: Context, state: RunState, start: Start) -> PlannedEffect | None:
    for effect in effects_of(run_record(context, state)):
        if (effect.step, effect.item) == (start.step, start.item):
            return effect
    return None


def _withheld(context: Context, session: Session, definitions: Definitions, start: Start) -> None:
    """What was approved without being planned was withheld. Raises RefusedError for anything else."""
    uses, named = definitions.workflow.steps[start.step].uses, str(start.inputs.get("record", ""))
    record = record_of(Catalog(CommitTree(context.git, context.main)), uses, named)
    if not is_withheld(record):
        raise RefusedError(f"`{start.step}` was not among the approved effects", "nothing was sent")
    pass_over(context, session, start, record)


def _hold(context: Context, effect: Effect, error: AiosError) -> Hold:
    """Why it waits, as the ledger keeps it and the inbox tells it."""
    until = error.until if isinstance(error, HeldError) else ""
    kind = "credentials" if isinstance(error, CredentialsError) else "service"
    kind = "held" if isinstance(error, HeldError) else kind
    said = f" ({error.hint})" if error.hint else ""
    said = "; `aios apply` tries again" if isinstance(error, TransientError) else said
    return Hold(effect.key, effect.run, kind, context.now(), f"{error.message}{said}", until)


def _act(
    context: Context,
    session: Session,
    definitions: Definitions,
    start: Start,
    planned: PlannedEffect,
    connectors: Mapping[str, Connector],
    spent: Counter[str],
) -> Outcome:
    """Through the executor: one act, or part by part. Raises EffectAskError, and whatever makes the run wait."""
    state, connector = session.state, connectors[planned.connector]
    approval = approving_commit(context, state, session.vouched)
    effects = effects_of(run_record(context, state, approval))
    acts = {each.key: acts_of(each, state.id, connectors.get(each.connector)) for each in effects}
    keys = {whole: frozenset(act.key for act in each) for whole, each in acts.items()}
    guard = Guard(context, definitions, state, approval, effects, keys, spent)
    again = len(state.steps[start.step].guidance) if start.step in state.steps else 0
    desk = replace(
        desk_of(context),
        permit=lambda: guard.permit(planned.connector),
        turn=f"{state.id}#{start.step}.{again}.{start.attempt}",
    )
    effect = effect_of(planned, state.id)
    approved = frozenset(key for each in keys.values() for key in each)
    with recording_effect(context, state, effect, connector) as (recorded, told):
        capability = connector.capabilities().get(planned.capability)
        if capability is not None and capability.each and planned.payload.get(capability.each) is not None:
            outcome = _parts(context, desk, recorded, effect, acts.get(effect.key, ()), approved, approval, spent)
            told["aios.effect.outcome"] = outcome.receipt.detail if outcome.receipt else str(outcome.error)
            return outcome
        try:
            done = execute(effect, recorded, desk, approved=approved, approved_commit=approval)
        except (RefusedError, TransientError):
            raise
        except AiosError as error:
            told["aios.effect.outcome"] = error.message
            return Outcome(error=error)
        told["aios.effect.outcome"] = done.question.text if isinstance(done, Ask) else done.receipt.how.value
    if isinstance(done, Ask):
        raise EffectAskError(start.step, done.question)
    spent[planned.connector] += int(done.new)
    return Outcome(done.receipt)


def _parts(
    context: Context,
    desk: Desk,
    connector: Connector,
    effect: Effect,
    acts: tuple[Effect, ...],
    approved: frozenset[str],
    approval: str,
    spent: Counter[str],
) -> Outcome:
    before = spent[effect.connector]

    def heard(tally: bulk.Tally) -> None:
        spent[effect.connector] = before + tally.new
        context.report(Progress(effect.run, effect.step, "thinking", detail=str(tally)))
        if tally.new and tally.new % TIDY == 0:
            maintain(context.git)

    tally = bulk.execute_parts(
        acts,
        connector,
        desk,
        approved=approved,
        approved_commit=approval,
        withheld=closed_addresses(context),
        heard=heard,
    )
    if tally.doubtful:
        raise EffectAskError(effect.step, bulk.question_of(effect, tally))
    if tally.left:
        raise _with_progress(tally)
    if tally.refused and not tally.done and not tally.withheld:
        first = tally.refused[0]
        return Outcome(error=AiosError(f"{tally}: {first.target}: {first.why}"), counts=counts_of(tally))
    return Outcome(bulk.receipt_of(effect, tally, desk), counts=counts_of(tally))


def _with_progress(tally: bulk.Tally) -> AiosError:
    """What ended the sitting, with how far it came; another worker's acts end it too."""
    error = tally.stopped
    message = f"{tally}; {error.message if error else 'the rest is still to do'}"
    hint = error.hint if error else ""
    if isinstance(error, HeldError):
        return HeldError(message, hint, until=error.until)
    return CredentialsError(message, hint) if isinstance(error, CredentialsError) else TransientError(message, hint)


def _told(planned: PlannedEffect, outcome: Outcome) -> str:
    if outcome.receipt is None:
        return str(outcome.error)
    url, detail = outcome.receipt.url, outcome.receipt.detail if outcome.counts else ""
    told = planned.summary if url in planned.summary else f"{planned.summary} {url}"
    refused = [f"{each['target']}: {each['why']}" for each in outcome.counts.get("refused_first", ())]
    return "; ".join(part for part in (told, detail, *refused) if part)


def pending(context: Context, run: str) -> tuple[PlannedEffect, ...]:
    """Approved effects of a run that have no receipt yet and whose step has not ended."""
    state = read_state(context.git, run, main=context.main)
    ended = {(name, item) for name, step in state.steps.items() for item in step.items}
    ledger, planned = Ledger(context.git), effects_of(run_record(context, state))
    return tuple(e for e in planned if (e.step, e.item) not in ended and ledger.get(e.key)[1] is None)


def receipts(context: Context, run: str) -> list[tuple[PlannedEffect, Receipt]]:
    """The done effects of a run with their receipts. Raises RefusedError where there is none."""
    state = read_state(context.git, run, main=context.main)
    ledger = Ledger(context.git)
    found = [(effect, ledger.get(effect.key)[1]) for effect in effects_of(run_record(context, state))]
    done = [(effect, receipt) for effect, receipt in found if receipt is not None]
    if not done:
        raise RefusedError(f"{run} has no receipt", "`aios apply` does what was approved")
    return done
