"""Doing an approved effect: at most once, or ask.

    done? → approved? → allowed now? → claim → look up → still wanted? → act → receipt

A claim without a receipt means that an earlier attempt ended somewhere between: the service is asked. Found → receipt;
authoritatively absent → act; otherwise it becomes a question. Nothing is ever tried again blindly.

A claim is a lease. Whoever holds one acts within `LEASE` or not at all; a claim of another machine, of which nobody
here can know whether its worker lives, is taken over only after `GRACE`, which is longer by more than clocks differ and
an act takes. Whoever takes over claims anew, by compare-and-swap: of several one wins.

Where the ledger is shared, a claim counts when the shared copy has it; without a network nothing is sent. A receipt
never waits for it: it is written down here, and pushed when that can be.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from aios.domain.agent import Question
from aios.domain.effect import Claim, Connector, Effect, HowKnown, Lookup, Outcome, Receipt
from aios.domain.keys import key_of
from aios.domain.measure import amount_of, currency_of
from aios.effects.ledger import Absence, Ledger
from aios.errors import AiosError, BusyError, CredentialsError, HeldError, RefusedError, TransientError

LEASE = timedelta(minutes=5)  # for ourselves, between a claim and its act
GRACE = timedelta(minutes=15)  # for a worker on another machine, after its claim
HAPPENED, DID_NOT_HAPPEN = "it happened", "it did not happen"


class WithheldError(RefusedError):
    """Something speaks against an approved effect: it was not done, and shall not be tried again in this turn."""


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


def _allowed() -> None:
    return


@dataclass(frozen=True, slots=True)
class Desk:
    """What an execution needs: the ledger, the moment (ISO 8601), who works, and the boundaries that tests stop at.

    `paused` says why the effects of a connector of that name are stopped, empty where they are not.
    `alive` tells whether a worker that claimed is still at it; None where that cannot be known (another machine).
    `permit` raises HeldError where a policy or a cap forbids acting now. `pause` waits some seconds. `turn` names the
    run's attempt at the step: what a service refuses for good is refused for a turn. `objection` says why an effect
    shall not happen, though it was approved; empty where nothing speaks against it.
    """

    ledger: Ledger
    now: Callable[[], str]
    worker: str
    paused: Callable[[str], str]
    checkpoint: Callable[[str], None] = _nothing
    alive: Callable[[str], bool | None] = _gone
    permit: Callable[[], None] = _allowed
    pause: Callable[[float], None] = lambda _: None
    turn: str = ""
    objection: Callable[[Effect], str] = lambda _: ""


def execute(
    effect: Effect, connector: Connector, desk: Desk, *, approved: Collection[str], approved_commit: str
) -> Done | Ask:
    """Do the effect unless it was done.

    Raises HeldError where it may not be done now, WithheldError where something speaks against it, another RefusedError
    where the service refuses it, TransientError where the service asks to come back later, and any other AiosError
    where it failed for good. Whatever may have been sent keeps its claim, and the next call looks up first; what
    certainly was not is free to be tried anew.
    """
    ledger, key = desk.ledger, effect.key
    receipt = ledger.get(key)[1]
    if receipt is not None:
        return Done(receipt, new=False)
    _verify_allowed(effect, desk, approved)
    if not ledger.stands(key):
        _verify_wanted(effect, desk)
    desk.checkpoint("before claim")
    claim = _claim(effect, desk, approved_commit)
    number = ledger.claim(claim, again=desk.permit)
    desk.checkpoint("after claim")
    if number:
        found = _first_look(effect, connector, desk, number)
    else:
        standing = ledger.standing(key)
        if standing is None:
            return _settled_meanwhile(effect, desk)
        number, earlier = standing
        found = _look_after(effect, connector, desk, earlier)
        if found.found is None and not found.authoritative:
            return Ask(question_of(effect, earlier))
        if found.found is None:
            claim = replace(claim, at=desk.now())
            number = ledger.retake(claim, of=number, by=desk.worker)
            if not number:
                raise BusyError(f"another worker took over {effect.capability} → {effect.target}", "wait for it")
    if found.found is not None:
        return _receipt(effect, found.found, HowKnown.FOUND, desk)
    _verify_wanted(effect, desk, number)
    if abs(_since(claim.at, desk)) > LEASE:  # or the clock was set back, and nobody knows how long ago
        _release(effect, desk, number, desk.worker, "too long since it was claimed")
        raise TransientError(f"{effect.capability} → {effect.target} was claimed too long ago", sent=False)
    desk.checkpoint("before act")
    return _act(effect, connector, desk, number, claim)


def _settled_meanwhile(effect: Effect, desk: Desk) -> Done:
    """Another worker came between. Raises BusyError where it gave the effect back undone."""
    receipt = desk.ledger.get(effect.key)[1]
    if receipt is None:
        raise BusyError(f"another worker settled {effect.capability} → {effect.target} just now", "look again")
    return Done(receipt, new=False)


def _verify_allowed(effect: Effect, desk: Desk, approved: Collection[str]) -> None:
    """Raises HeldError where it may not be done, or not now."""
    if effect.key not in approved:
        raise HeldError(f"{effect.capability} → {effect.target} was never approved as it is now", "nothing was sent")
    reason = desk.paused(effect.connector)
    if reason:
        raise HeldError(f"effects are stopped: {reason}", "nothing was sent")
    desk.permit()


def _verify_wanted(effect: Effect, desk: Desk, number: int = 0) -> None:
    """Before a claim, and once more before the act of the attempt `number`. Raises WithheldError where something
    speaks against it, and HeldError where that cannot be known; nothing is left open by either."""
    try:
        why = desk.objection(effect)
    except HeldError as error:
        if number:
            _release(effect, desk, number, "aios", error.message)
        raise
    if not why:
        return
    absence = Absence(effect.key, desk.now(), "aios", why, "withheld", desk.turn)
    if not (desk.ledger.absent(absence, of=number) if number else desk.ledger.withhold(absence)):
        raise BusyError(f"another worker has {effect.capability} → {effect.target}", "wait for it")
    raise WithheldError(why)


def _act(effect: Effect, connector: Connector, desk: Desk, number: int, claim: Claim) -> Done | Ask:
    """With a claim held and a look-up made."""
    try:
        outcome = connector.act(effect)
    except (RefusedError, TransientError) as error:
        if not (isinstance(error, TransientError) and error.sent):
            _release(effect, desk, number, f"connector:{connector.name}", error.message, end=_is_final(error))
        raise
    except AiosError as error:
        return _after_failure(effect, connector, desk, error, number, claim)
    desk.checkpoint("after act")
    if not outcome.sent:
        _release(effect, desk, number, f"connector:{connector.name}", "it was only shown")
        hint = f"`mode: live` in state/connectors/{connector.name}.yaml sends it"
        raise HeldError(f"{connector.name} only shows: {effect.capability} → {effect.target} was not sent", hint)
    return _receipt(effect, outcome, HowKnown.ACTED, desk)


def _first_look(effect: Effect, connector: Connector, desk: Desk, number: int) -> Lookup:
    """On a fresh claim nothing was sent yet: where the service cannot be asked, the claim is given back."""
    try:
        return connector.lookup(effect)
    except AiosError as error:
        _release(effect, desk, number, f"connector:{connector.name}", error.message)
        raise


def _look_after(effect: Effect, connector: Connector, desk: Desk, claim: Claim) -> Lookup:
    """What became of somebody's claim. Where nothing is there yet but may still arrive, it is waited for."""
    leave_to_worker(claim, desk.alive, desk.now())
    found = judged(connector.lookup(effect), claim, desk.alive)
    capability = connector.capabilities().get(effect.capability)
    late = timedelta(seconds=capability.late if capability else 0) - max(_since(claim.at, desk), timedelta(0))
    if found.found is not None or not found.authoritative or late <= timedelta(0):
        return found
    desk.pause(late.total_seconds())
    return judged(connector.lookup(effect), claim, desk.alive)


def judged(found: Lookup, claim: Claim, alive: Callable[[str], bool | None]) -> Lookup:
    """What a look-up proves of a claim: a note of this machine tells of its own attempts, nothing of those that were
    claimed later or elsewhere."""
    if not found.as_of or (claim.at <= found.as_of and alive(claim.claimed_by) is not None):
        return found
    return replace(found, authoritative=False)


def _after_failure(
    effect: Effect, connector: Connector, desk: Desk, error: AiosError, number: int, claim: Claim
) -> Done | Ask:
    """It failed for good, and that alone does not say whether it was done: the service is asked at once.

    Raises the error where nothing was done, TransientError where nobody can be asked now.
    """
    try:
        found = _look_after(effect, connector, replace(desk, alive=_gone), claim)
    except AiosError as silent:
        raise TransientError(f"{error.message}; and it cannot be looked up: {silent.message}") from error
    if found.found is not None:
        return _receipt(effect, found.found, HowKnown.FOUND, desk)
    if not found.authoritative:
        return Ask(question_of(effect, claim, error.message))
    _release(effect, desk, number, f"connector:{connector.name}", error.message, end=True)
    raise error


def _is_final(error: AiosError) -> bool:
    """Would trying the same again be refused again? Not where something of ours, or a key, is in the way."""
    return not isinstance(error, TransientError | HeldError | CredentialsError | BusyError)


def _release(effect: Effect, desk: Desk, number: int, by: str, why: str, *, end: bool = False) -> None:
    """Nothing of this attempt reached the service for certain: the next begins anew, without a question. Where another
    worker took over meanwhile, that is an attempt of its own, which this says nothing about."""
    absence = Absence(effect.key, desk.now(), by, why, "refused" if end else "", desk.turn if end else "")
    desk.ledger.absent(absence, of=number)


def leave_to_worker(claim: Claim, alive: Callable[[str], bool | None], now: str) -> None:
    """Whoever claimed it may be in the middle of it: then it is theirs. Raises BusyError or TransientError."""
    there = alive(claim.claimed_by)
    if there:
        raise BusyError(f"{claim.claimed_by} is doing it right now", "wait for it")
    if there is None and _between(claim.at, now) < GRACE:
        raise TransientError(f"{claim.claimed_by} claimed it at {claim.at} and may be at it", sent=False)


def _since(at: str, desk: Desk) -> timedelta:
    return _between(at, desk.now())


def _between(at: str, now: str) -> timedelta:
    return datetime.fromisoformat(now) - datetime.fromisoformat(at)


def settle(
    ledger: Ledger,
    key: str,
    *,
    happened: bool,
    url: str,
    now: str,
    by: str,
    alive: Callable[[str], bool | None] = _gone,
) -> None:
    """The operator's word on an effect that nobody else knows of: a receipt, or leave to try once more.

    Raises RefusedError where the effect needs no answer, BusyError or TransientError while its worker may be at it:
    what the operator sees then is not yet what came of it.
    """
    standing = ledger.standing(key)
    if standing is None:
        raise RefusedError(f"{key} needs no answer", "`aios reconcile` lists what does")
    number, claim = standing
    leave_to_worker(claim, alive, now)
    if happened:
        ledger.receipt(Receipt(key, "done", HowKnown.OPERATOR, now, url=url, detail=f"said by {by}"))
    elif not ledger.absent(Absence(key, now, by), of=number):
        raise BusyError(f"{key} was settled or tried anew just now", "`aios reconcile` lists what needs an answer")


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
        amount=amount_of(effect.payload),
        currency=currency_of(effect.payload),
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


def question_of(effect: Effect, claim: Claim | None, failure: str = "") -> Question:
    when = f"claimed by {claim.claimed_by} at {claim.at}" if claim else "claimed"
    told = (when, *([failure] if failure else []), "the service does not say whether it has it", f"key {effect.key}")
    return Question(f"did {effect.capability} → {effect.target} happen?", (HAPPENED, DID_NOT_HAPPEN), told)
