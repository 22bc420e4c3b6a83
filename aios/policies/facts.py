"""What a policy's `when` may ask about a proposal, and about its effects when they are about to happen."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from aios.domain.event import Change
from aios.domain.finding import Finding, Severity
from aios.domain.measure import UNKNOWN, Total, amount_of, currency_of, recipients_in, recipients_of
from aios.domain.names import is_protected
from aios.domain.policy import PolicyFacts
from aios.domain.proposal import PlannedEffect

# What a rule may ask about one planned effect.
EFFECT: dict[str, Any] = {
    "type": "object",
    "properties": {
        "capability": {"type": "string"},
        "connector": {"type": "string"},
        "target": {"type": "string"},
        "reversible": {"type": "boolean"},
        "amount": {"type": "integer"},
        "currency": {"type": "string"},
        "recipients": {"type": "integer"},
        "first_time": {"type": "integer"},
    },
}
# What a rule may ask about one kind of act on this day.
DAY: dict[str, Any] = {
    "type": "object",
    "properties": {
        "capability": {"type": "string"},
        "currency": {"type": "string"},
        "acts": {"type": "integer"},
        "amount": {"type": "integer"},
    },
}
TRUST_RAISED = "trust-raised"  # the rule of a finding that merging raises trust

# Name → (JSON Schema, meaning). The declaration that expressions are checked against and the guide is made from.
FACTS: dict[str, tuple[dict[str, Any], str]] = {
    "workflow": ({"type": "string"}, "the workflow's name"),
    "subject": ({"type": "string"}, "what the run is about, a slug"),
    "agents": ({"type": "array", "items": {"type": "string"}}, "agents that took part"),
    "paths": (
        {"type": "array", "items": {"type": "string"}},
        "files that are added, changed or deleted, without the run record",
    ),
    "kinds": (
        {"type": "array", "items": {"type": "string"}},
        "directories below state/ (or memory, workflows …) that are touched",
    ),
    "added": ({"type": "integer"}, "number of files added"),
    "changed": ({"type": "integer"}, "number of files changed"),
    "deleted": ({"type": "integer"}, "number of files deleted"),
    "effects": (
        {"type": "array", "items": EFFECT},
        "planned effects: capability, connector, target, reversible, amount, currency, recipients, first_time",
    ),
    "irreversible": ({"type": "integer"}, "number of effects that cannot be undone"),
    "recipients": ({"type": "integer"}, "most recipients of any effect"),
    "amount": ({"type": "integer"}, "largest amount of any effect, in minor units"),
    "first_time": ({"type": "integer"}, "recipients that no effect of the same capability ever reached"),
    "today": (
        {"type": "array", "items": DAY},
        "by capability and currency, what was done on this day and is planned: acts (each recipient is one), amount",
    ),
    "time": ({"type": "string"}, "the time of day in the company's time zone, 00:00 to 23:59; for rules `at: apply`"),
    "weekday": ({"type": "string"}, "monday to sunday, in the company's time zone; for rules `at: apply`"),
    "date": ({"type": "string"}, "the day in the company's time zone, as 2026-03-02; for rules `at: apply`"),
    "trust": ({"type": "array", "items": {"type": "string"}}, "trust marks of the records that are added or changed"),
    "errors": ({"type": "integer"}, "findings of severity error in the changed files"),
    "warnings": ({"type": "integer"}, "findings of severity warning in the changed files"),
    "unverified": (
        {"type": "integer"},
        "sentences of the changed pieces that are a model's and that no source supports",
    ),
    "raised": ({"type": "integer"}, "files whose trust merging raises, or that hold words whose trust it raises"),
    "protected": ({"type": "boolean"}, "does it touch what only a person may propose to change"),
    "cost_usd": ({"type": "number"}, "what the run cost"),
    "tokens": ({"type": "integer"}, "model tokens that the run used"),
}


@dataclass(frozen=True, slots=True)
class Today:
    """The moment in the company's time zone, and what the ledger knows: what was done on this day, and whom a capability
    reached before. `left` counts what is still to do of an effect, by key; all of it where it is not named."""

    at: datetime = datetime(1970, 1, 1, tzinfo=UTC)
    totals: Sequence[Total] = ()
    reached: Callable[[str, Collection[str]], Collection[str]] = lambda _, __: ()
    left: Mapping[str, int] = field(default_factory=dict)


def build(
    *,
    workflow: str,
    subject: str,
    agents: Sequence[str],
    changes: Sequence[Change],
    effects: Sequence[PlannedEffect],
    trust: Sequence[str],
    findings: Sequence[Finding],
    unverified: int = 0,
    cost_usd: float = 0.0,
    tokens: int = 0,
    today: Today | None = None,
) -> PolicyFacts:
    """The facts of one proposal."""
    today = today or Today()
    own = [change for change in changes if not change.path.startswith("state/runs/")]
    # A file that moved away is touched where it was, too.
    paths = list(dict.fromkeys(path for change in own for path in (change.path, change.renamed_from) if path))
    told = [_effect(effect, today) for effect in effects]
    return {
        "workflow": workflow,
        "subject": subject,
        "agents": list(agents),
        "paths": paths,
        "kinds": sorted({_kind(path) for path in paths}),
        "added": sum(1 for change in own if not change.before),
        "changed": sum(1 for change in own if change.before and change.after),
        "deleted": sum(1 for change in own if not change.after),
        "effects": told,
        "irreversible": sum(1 for effect in effects if not effect.reversible),
        "recipients": max((effect["recipients"] for effect in told), default=0),
        "amount": max((effect["amount"] for effect in told), default=0),
        "first_time": min(sum(effect["first_time"] for effect in told), UNKNOWN),
        "today": _day(told, effects, today),
        **moment(today.at),
        "trust": list(trust),
        "errors": sum(1 for finding in findings if finding.severity is Severity.ERROR),
        "warnings": sum(1 for finding in findings if finding.severity is Severity.WARNING),
        "unverified": unverified,
        "raised": sum(1 for finding in findings if finding.rule == TRUST_RAISED),
        "protected": any(is_protected(path) for path in paths),
        "cost_usd": float(cost_usd),
        "tokens": tokens,
    }


def moment(at: datetime) -> dict[str, str]:
    """The facts that change with time alone."""
    days = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
    return {"time": f"{at:%H:%M}", "weekday": days[at.weekday()], "date": f"{at:%Y-%m-%d}"}


def _effect(effect: PlannedEffect, today: Today) -> dict[str, Any]:
    people = recipients_of(effect.payload)
    count = recipients_in(effect.payload)
    new = count if people is None else len(set(people) - set(today.reached(effect.capability, people)))
    return {
        "capability": effect.capability,
        "connector": effect.connector,
        "target": effect.target,
        "reversible": effect.reversible,
        "amount": amount_of(effect.payload),
        "currency": currency_of(effect.payload),
        "recipients": count,
        "first_time": new,
    }


def _day(told: Sequence[Mapping[str, Any]], effects: Sequence[PlannedEffect], today: Today) -> list[dict[str, Any]]:
    """What the day will have seen once the planned effects are done."""
    sums: dict[tuple[str, str], list[int]] = {}
    for total in today.totals:
        _sum(sums, (total.capability, total.currency), total.acts, total.amount)
    for effect, planned in zip(told, effects, strict=True):
        acts = today.left.get(planned.key, max(1, effect["recipients"]))
        if acts:
            _sum(sums, (effect["capability"], effect["currency"]), acts, effect["amount"])
    return [
        {"capability": capability, "currency": currency, "acts": acts, "amount": amount}
        for (capability, currency), (acts, amount) in sorted(sums.items())
    ]


def _sum(sums: dict[tuple[str, str], list[int]], kind: tuple[str, str], acts: int, amount: int) -> None:
    before = sums.setdefault(kind, [0, 0])
    sums[kind] = [min(before[0] + acts, UNKNOWN), min(before[1] + amount, UNKNOWN)]


def _kind(path: str) -> str:
    parts = path.split("/")
    if parts[0] == "state":
        return parts[1] if len(parts) > 2 else parts[1].rpartition(".")[0]
    return parts[0]
