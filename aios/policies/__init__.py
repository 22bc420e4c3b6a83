"""Policies: rules as data, verdicts by pure functions. The strictest matching rule wins; no rule, `ask`."""

from aios.policies import facts
from aios.policies.rules import judge, load_rules

__all__ = ["facts", "judge", "load_rules"]
