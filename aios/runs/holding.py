"""What may hold an approved effect back: a policy as it stands now, a cap of its connector, a closed address."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from aios.connectors.declaration import declare
from aios.domain.effect import Effect
from aios.domain.measure import address_of
from aios.domain.names import CONNECTORS
from aios.domain.policy import Decision, PolicyFacts, Rule
from aios.domain.proposal import PlannedEffect
from aios.domain.run import RunState
from aios.effects.acts import Acts
from aios.effects.ledger import Ledger
from aios.errors import HeldError
from aios.policies import facts as policy_facts
from aios.policies import judge, load_rules
from aios.runs.context import Context
from aios.runs.definitions import Definitions
from aios.runs.landings import brought
from aios.store.catalog import Catalog
from aios.store.documents import parse
from aios.store.trees import CommitTree, changed_paths

QUARTER, LOOK_AHEAD = timedelta(minutes=15), timedelta(days=8)
Keys = Mapping[str, Collection[str]]  # the keys of an effect's acts, by the effect's own


def today(context: Context, effects: Sequence[PlannedEffect], acts_of: Keys) -> policy_facts.Today:
    """The moment where the company is, and what the ledger tells of the day and of the people."""
    ledger, at = Ledger(context.git), local(context)
    acts = ledger.acts
    own = frozenset(key for effect in effects for key in acts_of[effect.key])
    left = {each.key: sum(1 for key in acts_of[each.key] if ledger.get(key)[1] is None) for each in effects}
    return policy_facts.Today(
        at=at,
        totals=acts.since(midnight(at)),
        reached=lambda capability, people: acts.reached(capability, people, besides=own),
        left=left,
    )


def local(context: Context) -> datetime:
    """The moment in the company's time zone; UTC where it names none that is known."""
    company = Catalog(CommitTree(context.git, context.main)).get("company", "company")
    try:
        zone = ZoneInfo(str(company.get("timezone") or "UTC") if company else "UTC")
    except (KeyError, ValueError, OSError):
        zone = ZoneInfo("UTC")
    return context.clock().astimezone(zone)


def midnight(at: datetime, *, days: int = 0) -> str:
    """The beginning of a local day, ISO 8601 UTC; `days` later."""
    day = (at + timedelta(days=days)).replace(hour=0, minute=0, second=0, microsecond=0)
    return day.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(slots=True)
class Guard:
    """Asked before each act; `spent` counts the acts of this sitting by connector.

    The policies are asked anew whenever a minute has passed: a long list may reach into the night.
    """

    context: Context
    definitions: Definitions
    state: RunState
    approval: str
    effects: Sequence[PlannedEffect]
    acts_of: Keys
    spent: Counter[str] = field(default_factory=Counter)
    asked: str = ""

    def permit(self, connector: str) -> None:
        """Raises HeldError where a policy or a cap forbids an act now."""
        self._cap(connector)
        if self.asked != self.context.now()[:16]:
            self._policies()
            self.asked = self.context.now()[:16]

    def _policies(self) -> None:
        context, git = self.context, self.context.git
        rules, _ = load_rules(CommitTree(git, context.main), parse)
        told = self._facts()
        verdict = judge(rules, told, at="apply")
        if verdict.decision is Decision.DENY:
            until = _until(rules, told, local(context))
            told_until = f", until {until}" if until else ""
            rule = f" (rule {verdict.rule})"
            raise HeldError(f"a policy holds it back{told_until}: {verdict.why}{rule}", "state/policies/", until=until)

    def _facts(self) -> PolicyFacts:
        git, workflow = self.context.git, self.definitions.workflow
        return policy_facts.build(
            workflow=workflow.name,
            subject=self.state.subject,
            agents=sorted({step.uses for step in workflow.steps.values() if step.kind.value == "agent"}),
            changes=changed_paths(git, *brought(git, self.approval)),
            effects=self.effects,
            trust=(),
            findings=(),
            cost_usd=self.state.usd,
            tokens=self.state.tokens,
            today=today(self.context, self.effects, self.acts_of),
        )

    def _cap(self, connector: str) -> None:
        limits = caps(self.context, connector)
        once, daily = limits.get("per_apply"), limits.get("per_day")
        if once is not None and self.spent[connector] >= once:
            why = f"{connector} does at most {once} acts at a time"
            raise HeldError(why, "`aios apply` or `aios tick` goes on", until=self.context.now())
        if daily is None:
            return
        at = local(self.context)
        done = sum(total.acts for total in Acts(self.context.git).since(midnight(at)) if total.connector == connector)
        if done >= daily:
            raise HeldError(
                f"{connector} does at most {daily} acts a day, and {done} were done today",
                f"`limits` in state/connectors/{connector}.yaml",
                until=midnight(at, days=1),
            )


def caps(context: Context, connector: str) -> Mapping[str, int]:
    """The connector's `limits.acts` as main has them: `per_apply`, `per_day`."""
    path = f"{CONNECTORS}{connector}.yaml"
    document, _ = parse(path, context.git.read_blob(f"{context.main}:{path}") or b"")
    declared = declare(document)[0] if document else None
    return declared.acts if declared else {}


def _until(rules: Sequence[Rule], told: Mapping[str, Any], at: datetime) -> str:
    """The first quarter of an hour at which nothing denies, all else being as it is; empty where there is none soon."""
    moment = at.replace(minute=at.minute // 15 * 15, second=0, microsecond=0)
    asked = [rule for rule in rules if rule.then is Decision.DENY]
    while moment < at + LOOK_AHEAD:
        # In UTC, so that a quarter lasts as long as a quarter on the day the clocks are changed.
        moment = (moment.astimezone(UTC) + QUARTER).astimezone(at.tzinfo)
        if judge(asked, {**told, **policy_facts.moment(moment)}, at="apply").decision is not Decision.DENY:
            return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return ""


def closed_addresses(context: Context) -> Callable[[Effect], str]:
    """Says why an effect's recipient gets no mail: its address is suppressed on main. Looks anew where main moved."""
    known: dict[str, Mapping[str, str]] = {}

    def why(effect: Effect) -> str:
        tip = context.git.commit(context.main)
        if tip not in known:
            known.clear()
            known[tip] = _suppressed(context, tip)
        people = effect.payload.get("recipients")
        for each in people if isinstance(people, list | tuple) else ():
            reason = known[tip].get(address_of(each), "")
            if reason and (reason != "unsubscribed" or "list" in effect.payload):  # who left a list still gets answers
                return reason
        return ""

    return why


def _suppressed(context: Context, tip: str) -> dict[str, str]:
    """Address, in small letters → reason. Raises HeldError where a record cannot be read: it may name anybody."""
    tree, found = CommitTree(context.git, tip), {}
    for path in tree.paths("state/suppressions/"):
        document, _ = parse(path, tree.read(path) or b"")
        address = address_of(document.data.get("email")) if document else ""
        if document is None or not address:
            raise HeldError(f"{path} names no address that can be read", "`aios check` says what is wrong")
        found[address] = str(document.data.get("reason") or "suppressed")
    return found
