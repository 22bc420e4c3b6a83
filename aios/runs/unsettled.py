"""Effects whose outcome nobody knows: claims without a receipt, looked up once more; the operator's word on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass

from aios.domain.effect import Claim, Connector, Effect
from aios.effects.executor import judged, settle
from aios.effects.ledger import Ledger
from aios.errors import AiosError, UsageError
from aios.proposals.record import effects_of
from aios.runs.acts import acts_of
from aios.runs.context import Context
from aios.runs.effects import run_record
from aios.runs.session import read_state
from aios.runs.undoing import plan_revert
from aios.store.trees import CommitTree


@dataclass(frozen=True, slots=True)
class Unsettled:
    """`whole` is the key of the planned effect that it is a part of: its own where it is no part."""

    key: str
    summary: str
    evidence: str
    command: str
    run: str = ""
    whole: str = ""

    def as_dict(self) -> dict[str, str]:
        return asdict(self)


def called(told: Sequence[Unsettled], name: str) -> list[Unsettled]:
    """Those that a name means: the one whose key begins so; else all of the effect whose key does, or all of a run.

    Raises UsageError where it means none, or several that do not belong together.
    """
    own = [item for item in told if _begins(item.key, name)]
    wholes = {item.whole for item in told if item.whole != item.key and _begins(item.whole, name)}
    of_run = [item for item in told if name in {item.run, item.run.rpartition("/")[2]}]
    if of_run:
        return of_run
    if len(own) + len(wholes) != 1:
        found = f"{len(own) + len(wholes)} unsettled effects are called `{name}`"
        raise UsageError(found, "`aios reconcile` lists them")
    return own or [item for item in told if item.whole in wholes]


def _begins(key: str, name: str) -> bool:
    return bool(name) and (key.startswith(name) or key.removeprefix("sha256:").startswith(name))


def unsettled(context: Context) -> list[Unsettled]:
    """Claims that nothing settled and that the service itself cannot answer."""
    connectors = context.connectors(CommitTree(context.git, context.main))
    planned: dict[str, Mapping[str, tuple[str, Effect]]] = {}
    found = []
    for claim in Ledger(context.git).unsettled():
        if context.alive(claim.claimed_by):
            continue  # it is being done
        if claim.run not in planned:
            planned[claim.run] = _acts(context, claim.run, connectors)
        whole, effect = planned[claim.run].get(claim.key, ("", None))
        evidence = _evidence(context, claim, effect, connectors.get(claim.connector))
        if evidence:
            found.append(_told(claim, evidence, whole))
    return found


def _told(claim: Claim, evidence: str, whole: str) -> Unsettled:
    said = f"claimed by {claim.claimed_by} at {claim.at}; {evidence}"
    command = f"aios reconcile {claim.key[7:19]} --happened | --did-not-happen"
    return Unsettled(claim.key, f"{claim.capability} → {claim.target}", said, command, claim.run, whole)


def _acts(context: Context, run: str, connectors: Mapping[str, Connector]) -> dict[str, tuple[str, Effect]]:
    """The acts of a run and what undoes them, by key, each with the key of the whole; none where the run is gone."""
    try:
        state = read_state(context.git, run, main=context.main)
        planned = effects_of(run_record(context, state))
    except AiosError:
        return {}
    acts = {act.key: (each.key, act) for each in planned for act in acts_of(each, run, connectors.get(each.connector))}
    with suppress(AiosError):  # where one of the run's own is in doubt, nothing of it was undone yet
        for undo in plan_revert(context, run):
            if undo.compensation:
                acts[undo.compensation.key] = (undo.compensation.key, undo.compensation)
    return acts


def _evidence(context: Context, claim: Claim, effect: Effect | None, connector: Connector | None) -> str:
    """Why the service cannot tell; empty where it can, and `aios apply` settles it."""
    if connector is None:
        return "its connector is gone"
    if effect is None:
        return "its run record no longer tells of it"
    try:
        found = judged(connector.lookup(effect), claim, context.alive)
    except AiosError as error:
        return f"the service cannot be asked: {error.message}"
    return "" if found.found or found.authoritative else "the service does not say whether it has it"


def settle_by_operator(context: Context, key: str, *, happened: bool, url: str) -> None:
    ledger, by = Ledger(context.git, context.remote), context.operator.email
    ledger.refresh()
    settle(ledger, key, happened=happened, url=url, now=context.now(), by=by, alive=context.alive)
