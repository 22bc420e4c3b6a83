"""Drift: a service gives another shape than is known of it. Kept in a folder until it is on record.

Who sees it may be a run that fails, or is never merged: so it is told apart from what the run brings. One file each,
named by its content: written twice it is the same.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aios.connectors.shapes import Accepted, Change, Kind
from aios.domain.event import one_line, output_text
from aios.domain.keys import key_of
from aios.domain.names import SIGNALS, shape_path
from aios.domain.tree import Tree
from aios.store.documents import parse
from aios.store.explain import TYPES

SIGNAL = "schema-drift"
DRIFT = "drift"  # the folder, in the one for what is local
_FIELD = re.compile(r"[A-Za-z0-9_$.*()\[\] -]{1,300}\Z")
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}\Z")
_DATA = frozenset({"connector", "capability", "policy", "changes", "seen", "cursor", "asks"})
_TO = re.compile(r"[A-Za-z0-9_$|-]{0,120}\Z")


@dataclass(frozen=True, slots=True)
class Drift:
    """What one read saw. `seen` says of each change how often and as what; `cursor` is the place that the read began
    at, where it has one; `asks` tells whether something has to be decided."""

    connector: str
    capability: str
    policy: str
    changes: tuple[Change, ...]
    seen: Mapping[str, str] = field(default_factory=dict)
    cursor: Mapping[str, Any] | None = None
    asks: bool = True

    @property
    def id(self) -> str:
        key = key_of("drift", self.connector, self.capability, [each.id for each in self.changes])
        return f"{self.connector}-drift-{key.removeprefix('sha256:')[:12]}"


def in_words(change: Change) -> str:
    """One line; the names in it are the service's."""
    types = " or ".join(TYPES.get(each, each) for each in change.to.split("|"))
    match change.kind:
        case Kind.ADDED:
            return f"`{change.field}` is new ({types})"
        case Kind.RENAMED:
            return f"`{change.field}` is gone, and `{change.to}` stands beside it"
        case Kind.RETYPED:
            return f"`{change.field}` is {types} now"
        case Kind.VALUE:
            return f"`{change.field}` has a value that is not among those known"
        case Kind.MISSING:
            return f"`{change.field}` is missing"


def data_of(drift: Drift) -> dict[str, Any]:
    return {
        "connector": drift.connector,
        "capability": drift.capability,
        "policy": drift.policy,
        "changes": [[each.field, each.kind.value, each.to] for each in drift.changes],
        "seen": dict(drift.seen),
        "cursor": dict(drift.cursor) if drift.cursor is not None else None,
        "asks": drift.asks,
    }


def drift_of(data: Any) -> Drift:
    """What `data_of` gave, from wherever it comes. Raises ValueError for anything else."""
    if not isinstance(data, Mapping) or set(data) != _DATA:
        raise ValueError("it has other fields than a drift")
    names = [data[name] for name in ("connector", "capability", "policy")]
    changes, seen, cursor = data["changes"], data["seen"], data["cursor"]
    if not all(isinstance(name, str) and _NAME.match(name) for name in names):
        raise ValueError("it names no connector, capability or policy")
    if not isinstance(changes, list) or not all(isinstance(each, list) and len(each) == 3 for each in changes):
        raise ValueError("`changes` are none")
    known = tuple(changes_of([dict(zip(("field", "kind", "to"), each, strict=True)) for each in changes]))
    if not known or len(known) != len(changes):
        raise ValueError("`changes` are none that a service can make")
    ids = {each.id for each in known}
    if not isinstance(seen, Mapping) or not all(key in ids and isinstance(text, str) for key, text in seen.items()):
        raise ValueError("`seen` tells of something else")
    if data["asks"] not in (True, False) or not (cursor is None or isinstance(cursor, Mapping)):
        raise ValueError("`cursor` or `asks` is something else")
    output_text(cursor)  # nothing so deep or so large that no record could hold it
    told = {key: one_line(text, 300) for key, text in seen.items()}
    return Drift(names[0], names[1], names[2], known, told, cursor, data["asks"])


def to_folder(folder: Path) -> Callable[[Drift], None]:
    """A sink; a file appears whole or not at all."""

    def sink(drift: Drift) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / f"{drift.id}.json"
        if file.exists():  # the first one tells where to read again from
            return
        fresh = file.with_suffix(".fresh")
        fresh.write_text(json.dumps(data_of(drift)))
        fresh.replace(file)

    return sink


@dataclass(frozen=True, slots=True)
class Folder:
    """What was seen and is not on record yet."""

    path: Path

    def all(self) -> Iterator[Drift]:
        for file in sorted(self.path.glob("*.json")):
            try:
                data = json.loads(file.read_text())
                changes = tuple(Change(field, Kind(kind), to) for field, kind, to in data.pop("changes"))
                yield Drift(changes=changes, **data)
            except (OSError, ValueError, TypeError):  # cut off by the disk, or of another version: it is seen again
                file.unlink(missing_ok=True)

    def add(self, drift: Drift) -> None:
        to_folder(self.path)(drift)

    def forget(self, drift: Drift) -> None:
        (self.path / f"{drift.id}.json").unlink(missing_ok=True)


def known(tree: Tree, connector: str) -> dict[str, frozenset[str]]:
    """The changes that are on record, by capability: their ids."""
    found: dict[str, set[str]] = {}
    for path in tree.paths(f"{SIGNALS}{connector}-drift-"):
        document = parse(path, tree.read(path) or b"")[0]
        inputs = document.data.get("inputs") if document and document.data.get("name") == SIGNAL else None
        if isinstance(inputs, Mapping) and inputs.get("connector") == connector:
            ids = found.setdefault(str(inputs.get("capability")), set())
            ids.update(each.id for each in changes_of(inputs.get("changes")))
    return {name: frozenset(ids) for name, ids in found.items()}


def changes_of(data: Any) -> Iterator[Change]:
    """Changes as a signal holds them; what names no field is none."""
    for each in data if isinstance(data, list) else ():
        fits = (
            isinstance(each, Mapping) and each.get("kind") in tuple(Kind) and _FIELD.match(str(each.get("field", "")))
        )
        if fits and _TO.match(str(each.get("to", ""))):
            yield Change(str(each.get("field", "")), Kind(each["kind"]), str(each.get("to", "")))


def accepted(tree: Tree, connector: str) -> dict[str, Accepted]:
    """What the operator agreed to, by capability: `state/shapes/<connector>.yaml`."""
    document = parse(shape_path(connector), tree.read(shape_path(connector)) or b"")[0]
    reads = document.data.get("reads") if document else None
    return {
        str(name): Accepted(
            _texts(each.get("renamed")),
            {path: tuple(map(str, types)) for path, types in _mapping(each.get("types")).items()},
            frozenset(map(str, each.get("optional") or ())),
        )
        for name, each in _mapping(reads).items()
        if isinstance(each, Mapping)
    }


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _texts(value: Any) -> dict[str, str]:
    return {str(name): str(each) for name, each in _mapping(value).items()}


def sentence(changes: Iterable[Change]) -> str:
    """A few changes in one line."""
    said = [in_words(each) for each in changes]
    more = f" and {len(said) - 4} more" if len(said) > 4 else ""
    return "; ".join(said[:4]) + more
