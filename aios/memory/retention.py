"""What memory keeps whole and what it may fold into a summary: `memory/policy.yaml`, and which notes are due. Pure.

Nothing is ever only deleted: a folded note leaves its places and its name in the summary that stands for it, and the
file itself stays reachable in the history.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from aios.domain.globs import matches
from aios.domain.names import MEMORY
from aios.domain.record import Record
from aios.domain.slug import slug
from aios.memory.expiry import DAY, expires_at, whole
from aios.memory.scope import SUMMARY, moment

GOLDEN = f"{MEMORY}golden.yaml"
SUMMARIES = f"{MEMORY}summaries/"
WEIGHTY = 0.8  # a note at least so important is kept whole


class Level(StrEnum):
    """How much of a folded note its summary still says: where it stood, its first passages, or prose of a model's."""

    PLACES = "places"
    PASSAGES = "passages"
    PROSE = "prose"  # passages where no model is, or where it says nothing that holds


@dataclass(frozen=True, slots=True)
class Rule:
    """For one kind of note. Days count from `created`; 0 means never, or in `keep_newest` no limit.

    A note that a run used within `unused_days` is left alone. `expire_after_days` holds for notes without `expires` of
    their own. `passages` is how many passages of each note the summary still shows in words.
    """

    fold_after_days: int = 0
    unused_days: int = 60
    keep_newest: int = 0
    expire_after_days: int = 0
    importance: float = 0.5
    summary: Level = Level.PASSAGES
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


KEEP = Policy()  # folds nothing


def policy_of(data: Mapping[str, Any]) -> Policy:
    """From the file's data; what is missing folds nothing.

    Nor does what is not in order: a rule of which any value cannot be read folds nothing of its kind, and where `never`
    or `fewest` cannot be read, nothing is folded at all. `aios check` says what is wrong.
    """
    never, fewest, kinds = data.get("never", []), data.get("fewest", KEEP.fewest), data.get("kinds", {})
    if not (isinstance(never, list | tuple) and all(isinstance(each, str) for each in never)):
        return KEEP
    if whole(fewest) is None or fewest < 1 or not isinstance(kinds, Mapping):
        return KEEP
    rules = {str(name): _rule(each) for name, each in kinds.items()}
    return Policy(rules, _rule(data.get("default", {})), tuple(never), fewest)


@dataclass(frozen=True, slots=True)
class Group:
    """Notes that one summary would stand for, oldest first, and why they are due. `path` is the summary's.

    Where `is_over`, the notes expired: their summary keeps their names and places, and is not recalled either.
    """

    name: str
    path: str
    notes: tuple[Record, ...]
    why: str
    is_over: bool = False


def due(
    policy: Policy, notes: Iterable[Record], *, used: Mapping[str, str], evidence: Iterable[str], now: str
) -> list[Group]:
    """What may be folded now, by group. `used` maps paths to when a run last used them (ISO 8601); `evidence` are paths
    that a published sentence rests on: they are kept.
    """
    kept = set(evidence)
    at = moment(now)
    if at is None:
        raise ValueError(f"no moment: {now!r}")
    groups: dict[tuple[str, bool], list[tuple[Record, str]]] = {}
    by_kind: dict[str, list[Record]] = {}
    for note in notes:
        by_kind.setdefault(str(note.get("kind")), []).append(note)
    for kind, found in sorted(by_kind.items()):
        rule = policy.rule(kind)
        newest_first = sorted(found, key=lambda note: (_created(note), note.path), reverse=True)
        for place, note in enumerate(newest_first):
            why = _why(rule, note, place, used.get(note.path, ""), at)
            if why and not _is_kept(policy, rule, note, kept):
                groups.setdefault((_name(note), why == _EXPIRED), []).append((note, why))
    made = [_group(name, members, is_over=is_over) for (name, is_over), members in sorted(groups.items())]
    return [group for group in made if len(group.notes) >= (1 if group.is_over else policy.fewest)]


_OLD, _MANY, _EXPIRED = "old and unused", "more than are kept", "expired"
_OVER = "-expired.md"  # ends the path of a summary of what expired


def _why(rule: Rule, note: Record, place: int, used: str, now: float) -> str:
    """Why a note is due; empty where it is not. `place` is its place among its kind, the newest first.

    A note that does not say when it was made is never old; of its kind it is the first that is too many.
    """
    expires = expires_at(note.data, rule.expire_after_days)
    if expires is not None and expires < now:
        return "" if note.path.endswith(_OVER) else _EXPIRED
    last, created = moment(used), moment(_created(note))
    if last is not None and now - last < rule.unused_days * DAY:
        return ""
    if rule.fold_after_days and created is not None and now - created > rule.fold_after_days * DAY:
        return _OLD
    return _MANY if 0 < rule.keep_newest <= place else ""


def _is_kept(policy: Policy, rule: Rule, note: Record, evidence: set[str]) -> bool:
    importance = note.get("importance", rule.importance)
    weighty = isinstance(importance, int | float) and importance >= WEIGHTY
    return weighty or note.path in evidence or matches(note.path, policy.never)


def _name(note: Record) -> str:
    """What its summary is about: its piece, else its kind and year. A summary goes into that of its year."""
    if note.get("kind") == SUMMARY or not note.get("content"):
        return f"{note.get('kind')}-{_created(note)[:4] or 'undated'}"
    return str(note.get("content"))


def _group(name: str, members: Sequence[tuple[Record, str]], *, is_over: bool) -> Group:
    """The group without its own summary, which stays."""
    path = f"{SUMMARIES}{slug(name)}{_OVER if is_over else '.md'}"
    others = [(note, why) for note, why in members if note.path != path]
    ordered = tuple(sorted((note for note, _ in others), key=lambda note: (_created(note), note.path)))
    return Group(name, path, ordered, " or ".join(sorted({why for _, why in others})), is_over)


def _created(note: Record) -> str:
    return str(note.get("created") or "")


def _rule(data: Any) -> Rule:
    """The rule; one that folds nothing where a value of it cannot be read."""
    known = Rule()
    if not isinstance(data, Mapping):
        return known
    counts = {name: data.get(name, getattr(known, name)) for name in _COUNTS}
    importance, level = data.get("importance", known.importance), data.get("summary", known.summary)
    if any(whole(each) is None for each in counts.values()) or level not in list(Level):
        return known
    unknown = [
        name for name in data if name not in {*_COUNTS, "importance", "summary"} and not str(name).startswith("x-")
    ]
    if unknown or isinstance(importance, bool) or not isinstance(importance, int | float) or not 0 <= importance <= 1:
        return known
    return replace(known, **counts, importance=float(importance), summary=Level(level))


_COUNTS = ("fold_after_days", "unused_days", "keep_newest", "expire_after_days", "passages")
