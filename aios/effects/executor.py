"""Doing an approved effect: at most once, or ask.

    approved? → paused? → claim → look up → act → receipt

A claim without a receipt means that an earlier attempt ended somewhere between: the service is asked. Found → receipt;
authoritatively absent → act; otherwise it becomes a question. Nothing is ever tried again blindly.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from aios.domain.agent import Question
from aios.domain.effect import Claim, Connector, Effect, HowKnown, Outcome, Receipt
from aios.domain.keys import key_of
from aios.effects.ledger import Ledger
from aios.errors import BusyError, RefusedError, TransientError

GRACE = timedelta(minutes=15)  # for a worker on another machine, after its claim
HAPPENED, DID_NOT_HAPPEN = "it happened", "it did not happen"


@dataclass(frozen=True, slots=True)
class Done:
    """The effect has its receipt; `new` tells whether this call wrote it."""

    receipt: Receipt
    new: bool


@dataclass(frozen=True, slots=True)
class Ask:
    """Nobody knows whether it happened."""

    question: Question


def _nothing(_: str) -> None:
    return


def _gone(_: str) -> bool | None:
    return False


@dataclass(frozen=True, slots=True)
class Desk:
    """What an execution needs: the ledger, the moment (ISO 8601), who works, and the boundaries that tests stop at.

    `paused` says why the effects of a connector of that name are stopped, empty where they are not.
    `alive` tells whether a worker that claimed is still at it; None where that cannot be known (another machine).
    """

    ledger: Ledger
    now: Callable[[], str]
    worker: str
    paused: Callable[[str], str]
    checkpoint: Callable[[str], None] = _nothing
    alive: Callable[[str], bool | None] = _gone


def execute(
    effect: Effect, connector: Connector, desk: Desk, *, approved: Collection[str], approved_commit: str
) -> Done | Ask:
    """Do the effect unless it was done. Raises RefusedError where it is not approved or effects are paused, and
    TransientError where the service asks to come back later. Where something may have been sent the claim stays, and
    the next call looks up first."""
    key = effect.key
    claim, receipt = desk.ledger.get(key)
    if receipt is not None:
        return Done(receipt, new=False)
    if key not in approved:
        raise RefusedError(f"{effect.capability} → {effect.target} was never approved as it is now", "nothing was sent")
    reason = desk.paused(effect.connector)
    if reason:
        raise RefusedError(f"effects are stopped: {reason}", "nothing was sent")
    desk.checkpoint("before claim")
    mine = not desk.ledger.stands(key) and desk.ledger.claim(_claim(effect, desk, approved_commit))
    desk.checkpoint("after claim")
    if not mine:
        _leave_to(desk.ledger.get(key)[0], desk)
    found = connector.lookup(effect)
    if found.found is not None:
        return _receipt(effect, found.found, HowKnown.FOUND, desk)
    if not mine and not found.authoritative:
        return Ask(_question(effect, claim or desk.ledger.get(key)[0]))
    desk.checkpoint("before act")
    try:
        outcome = connector.act(effect)
    except RefusedError:
        _release(effect, desk, connector.name)
        raise
    except TransientError as error:
        if not error.sent:
            _release(effect, desk, connector.name)
        raise
    desk.checkpoint("after act")
    if not outcome.sent:
        _release(effect, desk, connector.name)
        hint = f"`mode: live` in state/connectors/{connector.name}.yaml sends it"
        raise RefusedError(f"{connector.name} only shows: {effect.capability} → {effect.target} was not sent", hint)
    return _receipt(effect, outcome, HowKnown.ACTED, desk)


def _release(effect: Effect, desk: Desk, connector: str) -> None:
    """Nothing reached the service for certain: the next attempt begins anew, without a question."""
    desk.ledger.absent(effect.key, at=desk.now(), by=f"connector:{connector}")


def _leave_to(claim: Claim | None, desk: Desk) -> None:
    """Whoever claimed it may be in the middle of it: then it is theirs. Raises BusyError or TransientError."""
    alive = desk.alive(claim.claimed_by) if claim else False
    if claim is None or alive is False:
        return
    if alive:
        raise BusyError(f"{claim.claimed_by} is doing it right now", "wait for it")
    if datetime.fromisoformat(desk.now()) - datetime.fromisoformat(claim.at) < GRACE:
        raise TransientError(f"{claim.claimed_by} claimed it at {claim.at} and may be at it", sent=False)


def settle(ledger: Ledger, key: str, *, happened: bool, url: str, now: str, by: str) -> None:
    """The operator's word on an effect that nobody else knows of: a receipt, or leave to try once more.

    Raises RefusedError where the effect needs no answer.
    """
    if not ledger.stands(key):
        raise RefusedError(f"{key} needs no answer", "`aios reconcile` lists what does")
    if happened:
        ledger.receipt(Receipt(key, "done", HowKnown.OPERATOR, now, url=url, detail=f"said by {by}"))
    else:
        ledger.absent(key, at=now, by=by)


def _claim(effect: Effect, desk: Desk, approved_commit: str) -> Claim:
    return Claim(
        key=effect.key,
        run=effect.run,
        step=effect.step,
        connector=effect.connector,
        capability=effect.capability,
        target=effect.target,
        payload_hash=key_of(dict(effect.payload)),
        approved_commit=approved_commit,
        claimed_by=desk.worker,
        at=desk.now(),
    )


def _receipt(effect: Effect, outcome: Outcome, how: HowKnown, desk: Desk) -> Done:
    receipt = Receipt(
        key=effect.key,
        outcome="done",
        how=how,
        at=desk.now(),
        external_id=outcome.external_id,
        url=outcome.url,
        response_hash=key_of(dict(outcome.response)),
    )
    desk.checkpoint("before receipt")
    new = desk.ledger.receipt(receipt)
    desk.checkpoint("after receipt")
    return Done(receipt if new else desk.ledger.get(effect.key)[1] or receipt, new)


def _question(effect: Effect, claim: Claim | None) -> Question:
    when = f"claimed by {claim.claimed_by} at {claim.at}" if claim else "claimed"
    return Question(
        f"did {effect.capability} → {effect.target} happen?",
        (HAPPENED, DID_NOT_HAPPEN),
        (when, "the service does not say whether it has it", f"key {effect.key}"),
    )
