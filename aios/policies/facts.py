"""What a policy's `when` may ask about a proposal."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any

from aios.domain.event import Change
from aios.domain.finding import Finding, Severity
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
    },
}
TRUST_RAISED = "trust-raised"  # the rule of a finding that merging raises trust
UNKNOWN = 2**53 - 1  # an amount or a number of recipients that nobody can read counts as the largest

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
        "planned effects: capability, connector, target, reversible, amount, currency, recipients",
    ),
    "irreversible": ({"type": "integer"}, "number of effects that cannot be undone"),
    "recipients": ({"type": "integer"}, "most recipients of any effect"),
    "amount": ({"type": "integer"}, "largest amount of any effect, in minor units"),
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
) -> PolicyFacts:
    """The facts of one proposal."""
    own = [change for change in changes if not change.path.startswith("state/runs/")]
    # A file that moved away is touched where it was, too.
    paths = list(dict.fromkeys(path for change in own for path in (change.path, change.renamed_from) if path))
    told = [_effect(effect) for effect in effects]
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
        "trust": list(trust),
        "errors": sum(1 for finding in findings if finding.severity is Severity.ERROR),
        "warnings": sum(1 for finding in findings if finding.severity is Severity.WARNING),
        "unverified": unverified,
        "raised": sum(1 for finding in findings if finding.rule == TRUST_RAISED),
        "protected": any(is_protected(path) for path in paths),
        "cost_usd": float(cost_usd),
        "tokens": tokens,
    }


def _effect(effect: PlannedEffect) -> dict[str, Any]:
    payload = effect.payload
    return {
        "capability": effect.capability,
        "connector": effect.connector,
        "target": effect.target,
        "reversible": effect.reversible,
        "amount": _amount(payload.get("amount")),
        "currency": str(payload.get("currency") or ""),
        "recipients": _recipients(payload.get("recipients")),
    }


def _amount(value: Any) -> int:
    """Minor units, rounded up."""
    if value is None:
        return 0
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return UNKNOWN
    return max(-UNKNOWN, min(math.ceil(value), UNKNOWN))


def _recipients(value: Any) -> int:
    if value is None:
        return 0
    if isinstance(value, list):
        return len(value)
    if isinstance(value, str):
        return len([each for each in re.split(r"[,;]", value) if each.strip()])
    return min(value, UNKNOWN) if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else UNKNOWN


def _kind(path: str) -> str:
    parts = path.split("/")
    if parts[0] == "state":
        return parts[1] if len(parts) > 2 else parts[1].rpartition(".")[0]
    return parts[0]
