"""The shape of what a service gives, compared with the shape that is known. Pure; tells of types, never of values.

A shape is a JSON Schema (types, properties, required, items, enum, additionalProperties are looked at) and what was
accepted since. Fields are named by paths: `invoices[].customer.email`, `[]` for any item of a list.
"""

from __future__ import annotations

import copy
import difflib
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from aios.connectors.mapping import kind_of

_PLAIN = re.compile(r"[A-Za-z0-9_$-]{1,64}\Z")
ODD = "(oddly named)"
MOST = 40  # changes told of one read
_ALIKE = 0.45  # of two names, for one to be the other's likely heir


class Kind(StrEnum):
    ADDED = "added"
    RENAMED = "renamed"
    RETYPED = "retyped"
    VALUE = "value"  # a value that is not among those known
    MISSING = "missing"


@dataclass(frozen=True, slots=True, order=True)
class Change:
    """One change of one field. `to` is the new name, or the JSON types that it has now, by `|`."""

    field: str
    kind: Kind
    to: str = ""

    @property
    def id(self) -> str:
        return f"{self.kind.value} {self.field} {self.to}".strip()


def added(ids: Iterable[str]) -> set[str]:
    """The fields that are new by these ids of changes."""
    return {each.split(" ")[1] for each in ids if each.startswith(f"{Kind.ADDED.value} ")}


@dataclass(frozen=True, slots=True)
class Accepted:
    """What the operator agreed to since: `renamed` field → its new name beside it, `types` field → JSON types that it
    may have (none: any), `optional` fields that need not be there."""

    renamed: Mapping[str, str] = field(default_factory=dict)
    types: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    optional: frozenset[str] = frozenset()


@dataclass(slots=True)
class _Tally:
    """Of one object's place: how many there were, in how many each name was, what unknown names held."""

    schema: Mapping[str, Any]
    objects: int = 0
    present: dict[str, int] = field(default_factory=dict)
    unknown: dict[str, list[Any]] = field(default_factory=dict)


@dataclass(slots=True)
class Seen:
    """`data` is what can be used of it (None: nothing), `changes` with what was seen of each in words, `left_out` by
    list how many items are of no use, of how many."""

    data: Any = None
    changes: dict[Change, str] = field(default_factory=dict)
    left_out: dict[str, tuple[int, int]] = field(default_factory=dict)


_USELESS = object()


def extended(schema: Mapping[str, Any], accepted: Accepted) -> Mapping[str, Any]:
    """The shape with what was accepted since."""
    if not accepted.types and not accepted.optional:
        return schema
    made: dict[str, Any] = copy.deepcopy(dict(schema))
    for path, types in accepted.types.items():
        holder, name = _slot(made, path)
        if holder is not None:
            holder[name] = _widened(holder.get(name), types)
    for path in accepted.optional:
        holder, name = _holder(made, path)
        if holder is not None and isinstance(holder.get("required"), list):
            holder["required"] = [each for each in holder["required"] if each != name]
    return made


def _widened(was: Any, types: tuple[str, ...]) -> dict[str, Any]:
    known = _types(was) if isinstance(was, Mapping) else ()
    if not isinstance(was, Mapping):
        return {"type": list(types)} if types else {}
    if not types or not known:
        return {}
    rest = {key: value for key, value in was.items() if key not in {"enum", "const", "type"}}
    return {**rest, "type": list(dict.fromkeys((*known, *types)))}


def put_back(data: Any, accepted: Accepted) -> Any:
    """The data with renamed fields under the names that they had."""
    if not accepted.renamed:
        return data
    data = copy.deepcopy(data)
    for path, new in accepted.renamed.items():
        above, _, old = path.rpartition(".")
        for each in _objects(data, [part for part in above.split(".") if part]):
            if old not in each and new in each:
                each[old] = each.pop(new)
    return data


def look(
    schema: Mapping[str, Any], data: Any, *, drop_unknown: bool = False, before: Collection[str] = frozenset()
) -> Seen:
    """What of the data fits, and how its shape differs. A value that does not fit is left out, with the item that
    cannot do without it; unknown fields stay, or go with `drop_unknown`. `before` are unknown fields that were there
    earlier: none of them is the new name of one that is gone."""
    eye = _Eye(drop_unknown, before)
    found = eye.value(schema, data, "")
    eye.seen.data = None if found is _USELESS else found
    eye.conclude()
    return eye.seen


class _Eye:
    def __init__(self, drop_unknown: bool, before: Collection[str]) -> None:  # noqa: FBT001
        self.drop_unknown = drop_unknown
        self.before = before
        self.seen = Seen()
        self.tallies: dict[str, _Tally] = {}
        self.wrong: dict[tuple[str, Kind], dict[str, str]] = {}  # (path, kind) → type → sample
        self.gone: dict[str, int] = {}  # required, by path: in how many it was missing

    def value(self, schema: Mapping[str, Any], value: Any, path: str) -> Any:
        schema = _branch(schema, value)
        if not _is_of(_types(schema), value):
            self._note(path, Kind.RETYPED, value)
            return _USELESS
        if "enum" in schema and value not in schema["enum"]:
            self._note(path, Kind.VALUE, value)
            return _USELESS
        if isinstance(value, Mapping):
            return self._object(schema, value, path)
        if isinstance(value, list | tuple):
            items = schema.get("items")
            return self._list(items, value, path) if isinstance(items, Mapping) else value
        return value

    def _note(self, path: str, kind: Kind, value: Any) -> None:
        self.wrong.setdefault((path or "(the whole)", kind), {}).setdefault(_type_of(value), kind_of(value))

    def _list(self, schema: Mapping[str, Any], value: Any, path: str) -> Any:
        made = [self.value(schema, item, f"{path}[]") for item in value]
        found = [item for item in made if item is not _USELESS]
        if len(found) < len(made):
            gone, of = self.seen.left_out.get(path, (0, 0))
            self.seen.left_out[path] = gone + len(made) - len(found), of + len(made)
        return found

    def _object(self, schema: Mapping[str, Any], value: Mapping[str, Any], path: str) -> Any:
        properties = schema.get("properties")
        others = schema.get("additionalProperties", True if schema.get("patternProperties") else None)
        if not isinstance(properties, Mapping):
            properties, others = {}, True if others is None else others
        required = schema.get("required") or ()
        tally = self.tallies.setdefault(path, _Tally(schema))
        tally.objects += 1
        found: dict[str, Any] = {}
        useful = True
        for name, item in value.items():
            place = f"{path}.{name}" if path else name
            if name in properties:
                inner = properties[name]
                if item is None and "null" not in _types(inner) and _types(inner):  # as good as not there
                    continue
                tally.present[name] = tally.present.get(name, 0) + 1
                fits = self.value(inner, item, place)
                useful = useful and (fits is not _USELESS or name not in required)
            elif isinstance(others, Mapping):
                fits = self.value(others, item, f"{path}.*" if path else "*")
            else:
                fits = _USELESS if self.drop_unknown and others is not True else item
                if others is not True:
                    tally.unknown.setdefault(name if _PLAIN.match(name) else ODD, []).append(item)
            if fits is not _USELESS:
                found[name] = fits
        for name in required:
            if value.get(name) is None and "null" not in _types(properties.get(name, {})):
                place = f"{path}.{name}" if path else name
                self.gone[place] = self.gone.get(place, 0) + 1
                useful = False
        return found if useful else _USELESS

    def conclude(self) -> None:
        """From what was counted to changes: one for each field."""
        found: dict[Change, str] = {}
        for (path, kind), types in self.wrong.items():
            found[Change(path, kind, "|".join(sorted(types)))] = ", ".join(types.values())
        for path, tally in self.tallies.items():
            begin = f"{path}." if path else ""
            heirs = dict(_renamed(tally, {name for name in tally.unknown if f"{begin}{name}" in self.before}))
            for old, heir in heirs.items():
                held = tally.unknown[heir]
                said = f"in {len(held)} of {tally.objects}: {kind_of(held[0])}"
                found[Change(f"{begin}{old}", Kind.RENAMED, heir)] = said
            for name, held in tally.unknown.items():
                if name not in heirs.values():
                    now = "|".join(sorted({_type_of(each) for each in held}))
                    said = f"in {len(held)} of {tally.objects}: {kind_of(held[0])}"
                    found[Change(f"{begin}{name}", Kind.ADDED, now)] = said
            for name in tally.schema.get("required") or ():
                count = self.gone.get(f"{begin}{name}", 0)
                if count and name not in heirs:
                    found[Change(f"{begin}{name}", Kind.MISSING)] = f"in {count} of {tally.objects}"
        self.seen.changes = dict(sorted(found.items())[:MOST])


def _renamed(tally: _Tally, before: Collection[str]) -> Iterator[tuple[str, str]]:
    """Fields that no object has any more, each with one that is new in all of them, of its type and the likeliest name.

    A field that need not be there may simply be missing today: then the names have to be alike.
    """
    properties = tally.schema.get("properties") or {}
    required = frozenset(tally.schema.get("required") or ())
    free = {
        name: held
        for name, held in tally.unknown.items()
        if name != ODD and len(held) == tally.objects and name not in before
    }  # in some only: an addition
    vanished = [name for name in properties if not tally.present.get(name)]
    for old in sorted(vanished, key=lambda name: name not in required):
        fitting = [name for name, held in free.items() if all(_fits(properties[old], each) for each in held)]
        likely = sorted(fitting, key=lambda name: (-_alike(old, name), name))
        if likely and (_alike(old, likely[0]) >= _ALIKE or (old in required and len(fitting) == 1)):
            del free[likely[0]]
            yield old, likely[0]


def _alike(one: str, other: str) -> float:
    words, others = (set(re.split(r"[_$-]|(?<=[a-z])(?=[A-Z])", name.strip("_"))) for name in (one, other))
    shared = len({each.lower() for each in words} & {each.lower() for each in others}) / max(len(words), len(others))
    return max(shared, difflib.SequenceMatcher(None, one.lower(), other.lower()).ratio())


def _fits(schema: Mapping[str, Any], value: Any) -> bool:
    schema = _branch(schema, value)
    return _is_of(_types(schema), value) and ("enum" not in schema or value in schema["enum"])


def _branch(schema: Mapping[str, Any], value: Any) -> Mapping[str, Any]:
    """The alternative that has the value's type, where there are several."""
    for word in ("anyOf", "oneOf"):
        several = schema.get(word)
        if isinstance(several, list):
            return next((each for each in several if isinstance(each, Mapping) and _is_of(_types(each), value)), schema)
    return schema


def _types(schema: Mapping[str, Any]) -> tuple[str, ...]:
    """The JSON types that it allows; none where it allows any."""
    said = schema.get("type")
    if isinstance(said, str):
        return (said,)
    if isinstance(said, list):
        return tuple(map(str, said))
    for word in ("anyOf", "oneOf"):
        several = schema.get(word)
        if isinstance(several, list):
            each = [_types(one) for one in several if isinstance(one, Mapping)]
            return tuple(name for names in each for name in names) if all(each) else ()
    return ()


def _is_of(types: tuple[str, ...], value: Any) -> bool:
    found = _type_of(value)
    if not types or found in types or (found == "integer" and "number" in types):
        return True
    return found == "number" and "integer" in types and float(value).is_integer()


def _type_of(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int():
            return "integer"
        case float():
            return "number"
        case str():
            return "string"
        case list() | tuple():
            return "array"
        case _:
            return "object"


def _slot(schema: dict[str, Any], path: str) -> tuple[dict[str, Any] | None, str]:
    """Where the schema of a field stands: in what, and under which key."""
    holder, name = _holder(schema, path)
    if holder is None:
        return None, name
    if name == "*":
        return holder, "additionalProperties"
    if not name.endswith("[]"):
        properties = holder.setdefault("properties", {})
        return properties if isinstance(properties, dict) else None, name
    bare = name.removesuffix("[]")
    inner = (holder.get("properties") or {}).get(bare) if bare else holder
    return inner if isinstance(inner, dict) else None, "items"


def _holder(schema: dict[str, Any], path: str) -> tuple[dict[str, Any] | None, str]:
    """The schema of the object that holds a field, and the field's name."""
    above, _, name = path.rpartition(".")
    node: Any = schema
    for part in above.split(".") if above else ():
        bare = part.removesuffix("[]")
        if bare == "*":
            node = node.get("additionalProperties") if isinstance(node, dict) else None
        elif bare:
            node = node.get("properties", {}).get(bare) if isinstance(node, dict) else None
        if part.endswith("[]"):
            node = node.get("items") if isinstance(node, dict) else None
    return (node, name) if isinstance(node, dict) else (None, name)


def _objects(data: Any, parts: list[str]) -> Iterator[dict[str, Any]]:
    """The mappings at a path."""
    if not parts:
        if isinstance(data, dict):
            yield data
        return
    first, *more = parts
    name, is_list = first.removesuffix("[]"), first.endswith("[]")
    inner = data.get(name) if name and isinstance(data, dict) else data if not name else None
    for each in inner if is_list and isinstance(inner, list) else [] if is_list else [inner]:
        yield from _objects(each, more)
