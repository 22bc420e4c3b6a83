"""Policies: data that says what may happen, and the verdicts they give."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Decision(StrEnum):
    """From strictest to mildest; see `strictness`."""

    DENY = "deny"
    CONFIRM = "confirm"  # one by one, by typing a word
    ASK = "ask"  # one by one
    DIGEST = "digest"  # collected, approved together
    AUTO = "auto"  # merged without asking

    @property
    def strictness(self) -> int:
        return ("auto", "digest", "ask", "confirm", "deny").index(self.value)


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of `state/policies/<file>.yaml`. `name` is `<file stem>/<index or given name>`; `when` is CEL.

    Every rule is asked again when an approved effect is about to happen; one `at: apply` is asked only then.
    """

    name: str
    when: str
    then: Decision
    why: str
    at: str = "proposal"


@dataclass(frozen=True, slots=True)
class Verdict:
    """The strictest decision, the rule that gave it, and all rules that matched (name, decision, why)."""

    decision: Decision
    rule: str
    why: str
    matched: tuple[tuple[str, Decision, str], ...] = ()

    def as_dict(self) -> dict[str, Any]:
        return {
            "decision": self.decision.value,
            "rule": self.rule,
            "why": self.why,
            "matched": [{"rule": name, "decision": decision.value, "why": why} for name, decision, why in self.matched],
        }


# The variables that a rule's `when` may use, with their JSON types; see `aios.policies.facts`.
PolicyFacts = Mapping[str, Any]
