"""What a proposal rewrites from old schema versions to the newest, in words: by version, and what is lost first.

Told is only what the schemas' own steps make of the files before: a file that was changed in any other way as well is
left to the state diff, field by field.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from aios.domain.event import Change
from aios.domain.tree import Tree
from aios.domain.wording import counted
from aios.store.documents import parse
from aios.store.schemas import Schemas

NAMED = 3  # different values of a field that are named
LONGEST = 40  # characters of one


@dataclass(frozen=True, slots=True)
class Rewritten:
    """`lines` say what becomes of the `paths`, `lost` counts the values that no field of the new version holds."""

    lines: Sequence[str] = ()
    paths: frozenset[str] = frozenset()
    lost: int = 0

    @property
    def title(self) -> str:
        lost = counted(self.lost, "value") if self.lost else "nothing"
        return f"Rewrite {counted(len(self.paths), 'file')} in the newest schema: {lost} lost"


@dataclass(slots=True)
class _Step:
    """All files that go from one version to another: fields by what becomes of them, with the values and how often."""

    files: int = 0
    renamed: Counter[tuple[str, str]] = field(default_factory=Counter)
    lost: dict[str, Counter[str]] = field(default_factory=dict)
    come: dict[str, Counter[str]] = field(default_factory=dict)
    other: Counter[str] = field(default_factory=Counter)


def rewriting_told(after: Tree, before: Tree, changes: Iterable[Change]) -> Rewritten:
    """Of the changes those that bring a file to a newer version of its schema, and do nothing else."""
    found = [change for change in changes if change.before and change.after and not change.renamed_from]
    if not found:
        return Rewritten()
    schemas, _ = Schemas.from_tree(after)
    pairs = {}
    for change in found:
        pair = _pair(schemas, change.path, before.read(change.path), after.read(change.path))
        if pair is not None:
            pairs[change.path] = pair
    return told(schemas, pairs)


def told(schemas: Schemas, pairs: Mapping[str, tuple[Mapping[str, Any], Mapping[str, Any]]]) -> Rewritten:
    """`pairs`: by path the data before and after."""
    steps: dict[tuple[str, str], _Step] = {}
    for path, (old, new) in sorted(pairs.items()):
        step = steps.setdefault((str(old["schema"]), str(new["schema"])), _Step())
        _add(step, old, new, _renames(schemas, path, old, new))
    lines = [line for (old, new), step in sorted(steps.items()) for line in _lines(old, new, step)]
    lost = sum(sum(values.values()) for step in steps.values() for values in step.lost.values())
    return Rewritten(lines, frozenset(pairs), lost)


def _pair(
    schemas: Schemas, path: str, old: bytes | None, new: bytes | None
) -> tuple[Mapping[str, Any], Mapping[str, Any]] | None:
    """The data before and after, where the steps of the schemas lead from one to the other."""
    kind = schemas.kind_of(path)
    one, two = (parse(path, content)[0] if content is not None else None for content in (old, new))
    if kind is None or one is None or two is None:
        return None
    stated, newest = str(one.data.get("schema")), schemas.kind(kind).id
    if stated == newest or two.data.get("schema") != newest or one.body != two.body:
        return None
    data, _ = schemas.read(one)
    return (one.data, two.data) if data is not None and dict(data) == dict(two.data) else None


def _renames(schemas: Schemas, path: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, str]:
    """Field → its name in the new version, as the schema declares it; where code makes a step, by the values."""
    name = schemas.kind_of(path)
    kind = schemas.kind(name) if name else None
    first = int(str(old["schema"]).rpartition(".v")[2])
    names = {each: each for each in old}
    for step in range(first, kind.version if kind else first):
        rules = kind.upcasts.get(str(step)) if kind else None
        if rules is None:
            return _by_value(old, new)
        dropped, renames = set(rules.get("drop", ())), rules.get("rename", {})
        names = {each: renames.get(now, now) for each, now in names.items() if now not in dropped}
    return {each: now for each, now in names.items() if each != now}


def _by_value(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, str]:
    found: dict[str, str] = {}
    for gone in (name for name in old if name not in new):
        come = next((name for name in new if name not in old and new[name] == old[gone]), None)
        if come is not None and come not in found.values():
            found[gone] = come
    return found


def _add(step: _Step, old: Mapping[str, Any], new: Mapping[str, Any], renames: Mapping[str, str]) -> None:
    step.files += 1
    for name, value in old.items():
        now = renames.get(name, name)
        if name == "schema":
            continue
        taken = new.get(now) != value and (now != name or now in renames.values())  # two fields come to one name
        if now not in new or taken:
            step.lost.setdefault(name, Counter())[_shown(value)] += 1
        elif now != name:
            step.renamed[name, now] += 1
        elif new[now] != value:
            step.other[name] += 1
    for name in new.keys() - old.keys() - set(renames.values()):
        step.come.setdefault(name, Counter())[_shown(new[name])] += 1


def _lines(old: str, new: str, step: _Step) -> list[str]:
    became = [f"`{one}` is called `{two}` ({counted(count, 'file')})" for (one, two), count in step.renamed.items()]
    became += [f"`{name}` comes, {_values(values)}" for name, values in sorted(step.come.items())]
    became += [f"`{name}` is said differently ({counted(count, 'file')})" for name, count in sorted(step.other.items())]
    whole = f"{old} → {new}, {counted(step.files, 'file')}: {'; '.join(became) or 'every field stays as it is'}"
    lost = [
        f"lost in {new}: `{name}`, {_values(values)}. What it said stays in the commits before"
        for name, values in sorted(step.lost.items())
    ]
    return [*lost, whole]


def _values(values: Counter[str]) -> str:
    """“yes” in 12 files, “no” in 2 files."""
    named = [f"“{value}” in {counted(count, 'file')}" for value, count in values.most_common(NAMED)]
    more = len(values) - len(named)
    return ", ".join(named) + (f", {counted(more, 'other value')}" if more else "")


def _shown(value: Any) -> str:
    text = " ".join((value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)).split())
    return (text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…").replace("`", "’")
