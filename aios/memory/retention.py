"""What memory keeps whole and what it may fold into a summary: `memory/policy.yaml`, and which notes are due. Pure.

Nothing is ever only deleted: a folded note leaves its places and its name in the summary that stands for it, and the
file itself stays reachable in the history.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from aios.domain.globs import matches
from aios.domain.names import MEMORY
from aios.domain.record import Record
from aios.domain.slug import slug
from aios.memory.scope import SUMMARY

POLICY = f"{MEMORY}policy.yaml"
GOLDEN = f"{MEMORY}golden.yaml"
SUMMARIES = f"{MEMORY}summaries/"
WEIGHTY = 0.8  # a note at least so important is kept whole


@dataclass(frozen=True, slots=True)
class Rule:
    """For one kind of note. Days count from `created`; 0 in `fold_after_days` means never, in `keep_newest` no limit.

    A note that a run used within `unused_days` is left alone. `passages` is how many passages of each note the summary
    still shows in words.
    """

    fold_after_days: int = 0
    unused_days: int = 60
    keep_newest: int = 0
    importance: float = 0.5
    passages: int = 1


@dataclass(frozen=True, slots=True)
class Policy:
    """`never` are globs of what is never folded; `fewest` is how many notes a summary is worth its while for."""

    kinds: Mapping[str, Rule] = field(default_factory=dict)
    default: Rule = field(default_factory=Rule)
    never: tuple[str, ...] = ()
    fewest: int = 2

    def rule(self, kind: str) -> Rule:
        return self.kinds.get(kind, self.default)


def policy_of(data: Mapping[str, Any]) -> Policy:
    """From the file's data; what is missing folds nothing."""
    kinds = data.get("kinds")
    return Policy(
        kinds={str(name): _rule(each) for name, each in kinds.items()} if isinstance(kinds, Mapping) else {},
        default=_rule(data.get("default")),
        never=tuple(str(each) for each in data.get("never") or ()),
        fewest=int(data.get("fewest") or Policy().fewest),
    )


@dataclass(frozen=True, slots=True)
class Group:
    """Notes that one summary would stand for, oldest first, and why they are due. `path` is the summary's."""

    name: str
    path: str
    notes: tuple[Record, ...]
    why: str


def due(
    policy: Policy, notes: Iterable[Record], *, used: Mapping[str, str], evidence: Iterable[str], now: str
) -> list[Group]:
    """What may be folded now, by group. `used` maps paths to when a run last used them (ISO 8601); `evidence` are paths
    that a published sentence rests on: they are kept.
    """
    kept = set(evidence)
    moment = _moment(now)
    groups: dict[tuple[str, bool], list[tuple[Record, str]]] = {}
    by_kind: dict[str, list[Record]] = {}
    for note in notes:
        by_kind.setdefault(str(note.get("kind")), []).append(note)
    for kind, found in sorted(by_kind.items()):
        rule = policy.rule(kind)
        newest_first = sorted(found, key=lambda note: (_created(note), note.path), reverse=True)
        for place, note in enumerate(newest_first):
            why = _why(rule, note, place, used.get(note.path, ""), moment)
            if why and not _is_kept(policy, rule, note, kept):
                groups.setdefault((_name(note), why == _EXPIRED), []).append((note, why))
    made = [_group(name, members, is_over=is_over) for (name, is_over), members in sorted(groups.items())]
    return [group for group in made if len(group.notes) >= policy.fewest or group.why == _EXPIRED]


_OLD, _MANY, _EXPIRED = "old and unused", "more than are kept", "expired"


def _why(rule: Rule, note: Record, place: int, used: str, now: datetime) -> str:
    """Why a note is due; empty where it is not. `place` is its place among its kind, the newest first."""
    expires = str(note.get("expires") or "")
    if expires and _moment(expires) <= now:
        return _EXPIRED
    if used and now - _moment(used) < timedelta(days=rule.unused_days):
        return ""
    if rule.fold_after_days and now - _moment(_created(note)) > timedelta(days=rule.fold_after_days):
        return _OLD
    return _MANY if 0 < rule.keep_newest <= place else ""


def _is_kept(policy: Policy, rule: Rule, note: Record, evidence: set[str]) -> bool:
    importance = note.get("importance", rule.importance)
    weighty = isinstance(importance, int | float) and importance >= WEIGHTY
    return weighty or note.path in evidence or matches(note.path, policy.never)


def _name(note: Record) -> str:
    """What its summary is about: its piece, else its kind and year. A summary goes into that of its year."""
    year = _created(note)[:4]
    if note.get("kind") == SUMMARY or not note.get("content"):
        return f"{note.get('kind')}-{year}"
    return str(note.get("content"))


def _group(name: str, members: Sequence[tuple[Record, str]], *, is_over: bool) -> Group:
    ordered = tuple(sorted((note for note, _ in members), key=lambda note: (_created(note), note.path)))
    why = " or ".join(sorted({why for _, why in members}))
    return Group(name, f"{SUMMARIES}{slug(name)}{'-expired' if is_over else ''}.md", ordered, why)


def _created(note: Record) -> str:
    return str(note.get("created") or "") or "1970-01-01"


def _moment(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _rule(data: Any) -> Rule:
    if not isinstance(data, Mapping):
        return Rule()
    known = Rule()
    return Rule(
        fold_after_days=int(data.get("fold_after_days", known.fold_after_days)),
        unused_days=int(data.get("unused_days", known.unused_days)),
        keep_newest=int(data.get("keep_newest", known.keep_newest)),
        importance=float(data.get("importance", known.importance)),
        passages=int(data.get("passages", known.passages)),
    )
