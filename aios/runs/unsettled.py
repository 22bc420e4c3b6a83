"""Effects whose outcome nobody knows: claims without a receipt, looked up once more, and the operator's word on them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from aios.domain.effect import Claim, Connector, Effect
from aios.effects.executor import settle
from aios.effects.ledger import Ledger
from aios.errors import AiosError
from aios.proposals.record import effects_of
from aios.runs.context import Context
from aios.runs.effects import acts_of, run_record
from aios.runs.session import read_state
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

    def is_called(self, name: str) -> bool:
        """By its key, by that of the effect it is a part of, or by its run, or by the first characters of one."""
        keys = [key for each in (self.key, self.whole) for key in (each, each.removeprefix("sha256:"))]
        return any(key.startswith(name) for key in keys) or name in {self.run, self.run.rpartition("/")[2]}


def unsettled(context: Context) -> list[Unsettled]:
    """Claims that nothing settled and that the service itself cannot answer."""
    connectors = context.connectors(CommitTree(context.git, context.main))
    planned: dict[str, Mapping[str, tuple[str, Effect]]] = {}
    found = []
    for claim in Ledger(context.git).unsettled():
        if claim.run not in planned:
            planned[claim.run] = _acts(context, claim.run, connectors)
        whole, effect = planned[claim.run].get(claim.key, ("", None))
        evidence = _evidence(effect, connectors.get(claim.connector))
        if evidence:
            found.append(_told(claim, evidence, whole))
    return found


def _told(claim: Claim, evidence: str, whole: str) -> Unsettled:
    said = f"claimed by {claim.claimed_by} at {claim.at}; {evidence}"
    command = f"aios reconcile {claim.key[7:19]} --happened | --did-not-happen"
    return Unsettled(claim.key, f"{claim.capability} → {claim.target}", said, command, claim.run, whole)


def _acts(context: Context, run: str, connectors: Mapping[str, Connector]) -> dict[str, tuple[str, Effect]]:
    """The acts of a run's planned effects, by their keys, each with the key of the whole; none where the run is gone."""
    try:
        state = read_state(context.git, run, main=context.main)
        planned = effects_of(run_record(context, state))
    except AiosError:
        return {}
    return {act.key: (each.key, act) for each in planned for act in acts_of(each, run, connectors.get(each.connector))}


def _evidence(effect: Effect | None, connector: Connector | None) -> str:
    """Why the service cannot tell; empty where it can, and `aios apply` settles it."""
    if connector is None:
        return "its connector is gone"
    if effect is None:
        return "its run record no longer tells of it"
    try:
        found = connector.lookup(effect)
    except AiosError as error:
        return f"the service cannot be asked: {error.message}"
    return "" if found.found or found.authoritative else "the service does not say whether it has it"


def settle_by_operator(context: Context, key: str, *, happened: bool, url: str) -> None:
    settle(Ledger(context.git), key, happened=happened, url=url, now=context.now(), by=context.operator.email)
