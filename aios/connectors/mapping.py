"""A service's fields as ours, and ours as the service's, by declared rules. Pure; what gets lost is told, each time.

Fields that no rule names keep their names. What a rule makes of a field is undone by the same rule the other way.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from aios.connectors.money import decimal_text, is_currency, minor_units
from aios.domain.ownership import Owner

Path = tuple[str, ...]


class _Nothing:
    """The type of `NOTHING`: there is no value, which is not the same as an empty one."""


NOTHING = _Nothing()


@dataclass(frozen=True, slots=True)
class Rule:
    """One field: where it is in ours and in theirs (None: they have no such thing).

    `values` are pairs (ours, theirs). `each` are the rules of every item of a list. `money` is a currency, or the path
    beside it in theirs that names one; theirs is then decimal text, ours minor units. `default` is ours where theirs
    is not there. `required`: without it the item it belongs to is of no use. `owner` says whose it is: what the
    service owns is never sent.
    """

    ours: Path
    theirs: Path | None
    values: tuple[tuple[Any, Any], ...] = ()
    each: tuple[Rule, ...] = ()
    money: str | Path = ""
    default: Any = NOTHING
    required: bool = False
    owner: Owner = Owner.SHARED


@dataclass(frozen=True, slots=True)
class Loss:
    """A field of ours (`[]` for any item of a list) whose value could not be carried over, and why; never the value."""

    field: str
    why: str


@dataclass(slots=True)
class Mapped:
    """`left_out` counts the items of each list that were of no use, of how many."""

    data: Any = None
    losses: dict[Loss, int] = field(default_factory=dict)
    left_out: dict[str, tuple[int, int]] = field(default_factory=dict)

    def lose(self, where: str, why: str) -> None:
        loss = Loss(where, why)
        self.losses[loss] = self.losses.get(loss, 0) + 1


def to_ours(rules: Sequence[Rule], theirs: Mapping[str, Any]) -> Mapped:
    """What a service gave, as ours. `data` is None where something required is missing at the top."""
    mapped = Mapped()
    mapped.data = _ours(rules, theirs, mapped, "")
    return mapped


def to_theirs(rules: Sequence[Rule], ours: Mapping[str, Any]) -> Mapped:
    """Our payload or parameters, in the service's words."""
    mapped = Mapped()
    mapped.data = _theirs(rules, ours, mapped, "")
    return mapped


def _ours(rules: Sequence[Rule], theirs: Mapping[str, Any], mapped: Mapped, above: str) -> dict[str, Any] | None:
    found = _rest(theirs, (rule.theirs for rule in rules if rule.theirs))
    useful = True
    for rule in rules:
        where = above + ".".join(rule.ours)
        value = _get(theirs, rule.theirs) if rule.theirs else NOTHING
        if value is not NOTHING:
            value = _one_of_ours(rule, value, theirs, mapped, where)
        if value is NOTHING:
            value = rule.default
        if value is NOTHING:
            useful = useful and not rule.required
            if rule.required:
                mapped.lose(where, "it is missing")
        elif not _put(found, rule.ours, value):
            mapped.lose(where, "something else of the service stands in its place")
    return found if useful else None


def _one_of_ours(rule: Rule, value: Any, beside: Mapping[str, Any], mapped: Mapped, where: str) -> Any:
    if rule.each:
        return _list(rule, value, mapped, where, ours=True)
    if rule.values and value is not None:
        known = next((ours for ours, theirs in rule.values if _same(theirs, value)), NOTHING)
        if known is NOTHING:
            mapped.lose(where, f"the table has no entry for what the service says ({kind_of(value)})")
        return known
    if rule.money and value is not None:
        units = minor_units(value, _currency(rule, beside))
        if units is None:
            mapped.lose(where, f"it is no exact amount of money ({kind_of(value)})")
        return NOTHING if units is None else units
    return NOTHING if value is None and (rule.required or rule.default is not NOTHING) else value


def _theirs(rules: Sequence[Rule], ours: Mapping[str, Any], mapped: Mapped, above: str) -> dict[str, Any]:
    found = _rest(ours, (rule.ours for rule in rules))
    for rule in sorted(rules, key=lambda rule: isinstance(rule.money, tuple)):  # once the currency stands there
        value = _get(ours, rule.ours)
        if value is NOTHING or rule.theirs is None or rule.owner is Owner.SERVICE:
            continue
        where = above + ".".join(rule.ours)
        value = _one_of_theirs(rule, value, found, mapped, where)
        if value is not NOTHING and not _put(found, rule.theirs, value):
            mapped.lose(where, f"`{'.'.join(rule.theirs)}` is sent already")
    return found


def _one_of_theirs(rule: Rule, value: Any, beside: Mapping[str, Any], mapped: Mapped, where: str) -> Any:
    if rule.each:
        return _list(rule, value, mapped, where, ours=False)
    if rule.values and value is not None:
        known = next((theirs for ours, theirs in rule.values if _same(ours, value)), NOTHING)
        if known is NOTHING:
            mapped.lose(where, f"the table has no entry for it ({kind_of(value)})")
        return known
    if rule.money and value is not None:
        text = decimal_text(value, _currency(rule, beside))
        if text is None:
            mapped.lose(where, f"it is not in whole minor units ({kind_of(value)})")
        return NOTHING if text is None else text
    return value


def _list(rule: Rule, value: Any, mapped: Mapped, where: str, *, ours: bool) -> Any:
    if not isinstance(value, list | tuple):
        mapped.lose(where, f"it is no list ({kind_of(value)})")
        return NOTHING
    found: list[Any] = []
    for item in value:
        if not isinstance(item, Mapping):
            mapped.lose(f"{where}[]", f"it is no mapping ({kind_of(item)})")
            continue
        one = _ours(rule.each, item, mapped, f"{where}[].") if ours else _theirs(rule.each, item, mapped, f"{where}[].")
        if one is not None:
            found.append(one)
    if len(found) < len(value):
        gone, of = mapped.left_out.get(where, (0, 0))
        mapped.left_out[where] = gone + len(value) - len(found), of + len(value)
    return found


def _currency(rule: Rule, beside: Mapping[str, Any]) -> str:
    if isinstance(rule.money, str):
        return rule.money
    named = _get(beside, rule.money)
    upper = named.upper() if isinstance(named, str) else ""
    return upper if is_currency(upper) else ""


def kind_of(value: Any) -> str:
    """The type and shape of a value, and nothing of what it says."""
    match value:
        case None:
            return "empty"
        case bool():
            return "true or false"
        case int():
            return f"a whole number of {len(str(abs(value)))} digits"
        case float():
            return "a number"
        case str():
            return f"text of {len(value)} characters"
        case list() | tuple():
            return f"a list of {len(value)}"
        case _:
            return f"a mapping of {len(value)}"


def _same(one: Any, other: Any) -> bool:
    return type(one) is type(other) and bool(one == other)


def _get(data: Any, path: Path) -> Any:
    for part in path:
        if not isinstance(data, Mapping) or part not in data:
            return NOTHING
        data = data[part]
    return data


def _put(data: dict[str, Any], path: Path, value: Any) -> bool:
    """False where something stands there already."""
    for part in path[:-1]:
        inner = data.setdefault(part, {})
        if not isinstance(inner, dict):
            return False
        data = inner
    if path[-1] in data:
        return False
    data[path[-1]] = copy.deepcopy(value)
    return True


def _rest(data: Mapping[str, Any], used: Iterator[Path]) -> dict[str, Any]:
    """A copy without what the rules look after; mappings that are empty then go too."""
    rest = copy.deepcopy(dict(data))
    for path in used:
        _drop(rest, path)
    return rest


def _drop(data: dict[str, Any], path: Path) -> None:
    first, *more = path
    if not more:
        data.pop(first, None)
    elif isinstance(inner := data.get(first), dict):
        _drop(inner, tuple(more))
        if not inner:
            del data[first]
