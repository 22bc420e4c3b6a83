"""Three-way merge of a record's data, field by field.

What one side changed is taken; what both changed alike is settled; the rest is a conflict, in which ours stays (or
theirs, where that is asked for). Lists of plain values merge as sets that keep their order, lists of things with an id
merge thing by thing, long text merges by line.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aios.domain.keys import canonical_json
from aios.domain.record import Where
from aios.store.diff3 import merge_text
from aios.store.edit import DELETE, same

_IDENTITIES = ("id", "name", "path", "key", "title")
_ABSENT = DELETE  # a field that is not there, as a value among values


@dataclass(frozen=True, slots=True)
class Conflict:
    """Both sides changed `where` in different ways. A side that has no such field holds None there."""

    where: Where
    base: Any
    ours: Any
    theirs: Any


@dataclass(slots=True)
class _Merge:
    favour_theirs: bool
    conflicts: list[Conflict]

    def value(self, where: Where, base: Any, ours: Any, theirs: Any) -> Any:
        """The merged value; `DELETE` where the field is to be absent."""
        if _equal(ours, theirs) or _equal(base, theirs):
            return ours
        if _equal(base, ours):
            return theirs
        if isinstance(ours, dict) and isinstance(theirs, dict):
            return self.mapping(where, base if isinstance(base, dict) else {}, ours, theirs)
        if isinstance(ours, list) and isinstance(theirs, list):
            merged = self.listed(where, base if isinstance(base, list) else [], ours, theirs)
            if merged is not None:
                return merged
        if isinstance(ours, str) and isinstance(theirs, str) and isinstance(base, str) and "\n" in base:
            text, hunks = merge_text(base, ours, theirs)
            if not hunks:
                return text
        self.conflicts.append(Conflict(where, _told(base), _told(ours), _told(theirs)))
        return theirs if self.favour_theirs else ours

    def mapping(
        self, where: Where, base: Mapping[str, Any], ours: Mapping[str, Any], theirs: Mapping[str, Any]
    ) -> dict[str, Any]:
        merged: dict[str, Any] = {}
        for key in (*ours, *(key for key in theirs if key not in ours)):
            value = self.value((*where, key), base.get(key, _ABSENT), ours.get(key, _ABSENT), theirs.get(key, _ABSENT))
            if value is not _ABSENT:
                merged[key] = value
        return merged

    def listed(self, where: Where, base: list[Any], ours: list[Any], theirs: list[Any]) -> list[Any] | None:
        """The merged list, or None where entries cannot be told apart or were put in another order."""
        identity = _identity(base, ours, theirs)
        if identity is None:
            return None
        known = [[identity(item) for item in side] for side in (base, ours, theirs)]
        if not _in_order(known[0], known[1]) or not _in_order(known[0], known[2]):
            return None
        of_base, of_ours, of_theirs = (
            dict(zip(names, side, strict=True)) for names, side in zip(known, (base, ours, theirs), strict=True)
        )
        merged: list[Any] = []
        places = {name: index for index, name in enumerate(known[1])}
        for name in _woven(known[1], known[2]):
            item = self.value(
                (*where, places.get(name, len(ours))),
                of_base.get(name, _ABSENT),
                of_ours.get(name, _ABSENT),
                of_theirs.get(name, _ABSENT),
            )
            if item is not _ABSENT:
                merged.append(item)
        return merged


def merge_data(
    base: Mapping[str, Any], ours: Mapping[str, Any], theirs: Mapping[str, Any], *, favour_theirs: bool = False
) -> tuple[dict[str, Any], list[Conflict]]:
    """The merged data, and the conflicts in the order of the fields."""
    merge = _Merge(favour_theirs, [])
    return merge.mapping((), base, ours, theirs), merge.conflicts


def changes_between(
    before: Mapping[str, Any], after: Mapping[str, Any], where: Where = ()
) -> Iterator[tuple[Where, Any]]:
    """What `edit` must do to come from one to the other: as deep as mappings go, lists as a whole."""
    for key in before:
        if key not in after:
            yield (*where, key), DELETE
    for key, value in after.items():
        old = before.get(key, _ABSENT)
        if isinstance(old, dict) and isinstance(value, dict) and old:
            yield from changes_between(old, value, (*where, key))
        elif not _equal(old, value):
            yield (*where, key), value


def _equal(one: Any, other: Any) -> bool:
    return one is other or same(one, other)


def _told(value: Any) -> Any:
    return None if value is _ABSENT else value


def _identity(*sides: list[Any]) -> Callable[[Any], str] | None:
    """What tells the entries of these lists apart: themselves, or a field that all of them have."""
    items = [item for side in sides for item in side]
    if all(not isinstance(item, (dict, list)) for item in items):
        return canonical_json if all(_distinct(list(map(canonical_json, side))) for side in sides) else None
    if all(isinstance(item, dict) for item in items):
        for field in _IDENTITIES:
            names = [[item.get(field) for item in side] for side in sides]
            if all(isinstance(name, str) for side in names for name in side) and all(map(_distinct, names)):
                return lambda item, field=field: str(item[field])  # type: ignore[misc]
    return None


def _distinct(names: Sequence[Any]) -> bool:
    return len(set(names)) == len(names)


def _in_order(base: list[str], side: list[str]) -> bool:
    """Has the side only added and removed, and not moved?"""
    kept = set(base) & set(side)
    return [name for name in base if name in kept] == [name for name in side if name in kept]


def _woven(ours: list[str], theirs: list[str]) -> list[str]:
    """All names: ours in order, each of theirs behind the one that it follows there."""
    known = set(ours)
    behind: dict[str | None, list[str]] = {}
    last: str | None = None
    for name in theirs:
        if name in known:
            last = name
        else:
            behind.setdefault(last, []).append(name)
    return [*behind.get(None, ()), *(name for own in ours for name in (own, *behind.get(own, ())))]
