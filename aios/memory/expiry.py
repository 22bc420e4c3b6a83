"""When a note expires: when it says so itself, else so many days after it was made, as the policy has it for its kind.

What the policy never drops expires only where it says so itself. One rule for recall, for compaction and for health:
what is no longer recalled is what may be folded away.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from aios.domain.globs import matches
from aios.domain.names import MEMORY
from aios.domain.tree import Tree
from aios.memory.scope import moment

POLICY = f"{MEMORY}policy.yaml"
EXPIRE_AFTER = "expire_after_days"
DAY = 86_400.0


def expires_at(data: Mapping[str, Any], days: int) -> float | None:
    """A note's end as POSIX time; None where it has none. `days` is what its kind lives at most, 0 for ever."""
    return ends(moment(str(data.get("expires") or "")), str(data.get("created") or ""), days)


def ends(own: float | None, created: str, days: int) -> float | None:
    """As `expires_at`, from a note's own end and when it was made. A date without a time is that day's end."""
    born = moment(created) if own is None and days else None
    return own if born is None else born + days * DAY


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """Days by kind of note, `default` for kinds without a rule; 0 is for ever. `never` are globs of what stays."""

    kinds: Mapping[str, int] = field(default_factory=dict)
    default: int = 0
    never: tuple[str, ...] = ()

    def days(self, path: str, kind: str) -> int:
        days = self.kinds.get(kind, self.default) if path.startswith(MEMORY) else 0
        return 0 if days and matches(path, self.never) else days


FOR_EVER = Lifetimes()


def lifetimes_of(tree: Tree) -> Lifetimes:
    """What a tree's policy lets expire. Where it says nothing of it, as most do, it is not parsed."""
    content = tree.read(POLICY)
    if content is None or EXPIRE_AFTER.encode() not in content:
        return FOR_EVER
    from aios.store.documents import parse

    document, _ = parse(POLICY, content)
    return lifetimes(document.data) if document else FOR_EVER


def lifetimes(policy: Mapping[str, Any]) -> Lifetimes:
    """From the policy's data. What cannot be read lets nothing expire."""
    kinds, never = policy.get("kinds"), policy.get("never", [])
    if not (isinstance(never, list) and all(isinstance(each, str) for each in never)):
        return FOR_EVER
    rules = kinds if isinstance(kinds, Mapping) else {}
    return Lifetimes(
        {str(kind): _days(rule) for kind, rule in rules.items()}, _days(policy.get("default")), tuple(never)
    )


def whole(value: Any) -> int | None:
    """A number of 0 or more; None for anything else."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _days(rule: Any) -> int:
    return (whole(rule.get(EXPIRE_AFTER, 0)) or 0) if isinstance(rule, Mapping) else 0
