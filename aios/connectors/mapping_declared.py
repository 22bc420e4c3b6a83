"""`map` of a connector's declaration as rules, and what is wrong with it at its place.

map:
  invoices.list:
    payload: {since: created_after}            # ours: theirs
    result:
      invoices:
        from: data
        each:
          customer.email: buyer.mail
          amount_due: {from: total, money: {from: currency}}
          status: {from: state, values: {paid: settled}}
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from aios.connectors.mapping import NOTHING, Path, Rule
from aios.connectors.money import is_currency
from aios.domain.ownership import Owner
from aios.domain.record import Where

Wrong = Callable[[Where, str, str, str], None]
RULE = "connector-map"
_PARTS = ("payload", "result", "always")
_FIELDS = ("from", "each", "values", "money", "default", "required", "owner")
_DEEPEST = 8  # lists in lists
_EXAMPLE = "ours: theirs, or ours: {from: theirs, values: {paid: settled}}"


@dataclass(frozen=True, slots=True)
class Translation:
    """What stands between one capability and the service: `payload` both of writes and of a read's parameters. `always`
    is sent with each payload, in the service's words."""

    payload: tuple[Rule, ...] = ()
    result: tuple[Rule, ...] = ()
    always: Mapping[str, Any] = field(default_factory=dict)


def translations(declared: Any, wrong: Wrong) -> dict[str, Translation]:
    """By capability. `wrong` is told of what is none, and that is left out."""
    if not isinstance(declared, Mapping):
        wrong(("map",), RULE, "`map` is not a mapping of capabilities", "invoices.list: {result: {…}}")
        return {}
    found: dict[str, Translation] = {}
    for name, parts in declared.items():
        where: Where = ("map", str(name))
        if not isinstance(parts, Mapping):
            wrong(where, RULE, f"`{_short(name)}` is not a mapping", f"there are {', '.join(_PARTS)}")
            continue
        for part in parts:
            if part not in _PARTS and not str(part).startswith("x-"):
                wrong((*where, str(part)), RULE, f"`map` has no `{_short(part)}`", f"there are {', '.join(_PARTS)}")
        payload = _rules(parts.get("payload", {}), (*where, "payload"), wrong)
        result = _rules(parts.get("result", {}), (*where, "result"), wrong)
        always = parts.get("always", {})
        if not isinstance(always, Mapping):
            wrong((*where, "always"), RULE, "`always` is not a mapping", "their field: what is always sent")
            always = {}
        for theirs in always:
            if any(rule.theirs and rule.theirs[0] == str(theirs) for rule in payload):
                message = f"`{_short(theirs)}` is sent by a field of `payload` too"
                wrong((*where, "always", str(theirs)), RULE, message, "leave one of them out")
        found[str(name)] = Translation(payload, result, dict(always))
    return found


def _rules(declared: Any, where: Where, wrong: Wrong, depth: int = _DEEPEST) -> tuple[Rule, ...]:
    if not isinstance(declared, Mapping):
        wrong(where, RULE, f"`{where[-1]}` is not a mapping", _EXAMPLE)
        return ()
    if not depth:
        wrong(where, RULE, f"lists lie more than {_DEEPEST} deep in one another", "map less of it")
        return ()
    made = [(str(name), _rule(str(name), said, (*where, str(name)), wrong, depth)) for name, said in declared.items()]
    rules = [(name, rule) for name, rule in made if rule is not None]
    for side, paths in (
        ("ours", [(name, rule.ours) for name, rule in rules]),
        ("theirs", [(name, rule.theirs) for name, rule in rules if rule.theirs is not None]),
    ):
        for name, other in _overlapping(paths):
            message = f"`{_short(name)}` and `{_short(other)}` are the same field of {side}, or one lies in the other"
            wrong((*where, name), RULE, message, "each field is mapped once: the way back has to be clear")
    return tuple(rule for _, rule in rules)


def _rule(name: str, said: Any, where: Where, wrong: Wrong, depth: int) -> Rule | None:
    ours = _path(name, where, wrong)
    if isinstance(said, str) or said is None:
        theirs = _path(said, where, wrong) if said is not None else None
        return None if ours is None or (said is not None and theirs is None) else Rule(ours, theirs)
    if not isinstance(said, Mapping):
        wrong(where, RULE, f"`{_short(name)}` is neither a field of theirs nor a mapping", _EXAMPLE)
        return None
    for each in said:
        if each not in _FIELDS and not str(each).startswith("x-"):
            wrong((*where, str(each)), RULE, f"a field has no `{_short(each)}`", f"there are {', '.join(_FIELDS)}")
    theirs = _path(said["from"], (*where, "from"), wrong) if said.get("from") is not None else None
    owner, required = said.get("owner", Owner.SHARED.value), said.get("required", False)
    if owner not in tuple(Owner):
        wrong((*where, "owner"), RULE, f"`owner` is `{_short(owner)}`", ", ".join(Owner))
        owner = Owner.SHARED.value
    if not isinstance(required, bool):
        wrong((*where, "required"), RULE, "`required` is neither true nor false", "leave it out for false")
    inner = _rules(said["each"], (*where, "each"), wrong, depth - 1) if "each" in said else ()
    values, money = _values(said, where, wrong), _money(said, where, wrong)
    if sum(map(bool, (inner, values, money))) > 1:
        wrong(where, RULE, f"`{_short(name)}` has more than one of `each`, `values` and `money`", "keep one of them")
    if ours is None or ("from" in said and theirs is None and said["from"] is not None):
        return None
    return Rule(ours, theirs, values, inner, money, said.get("default", NOTHING), required is True, Owner(owner))


def _path(text: Any, where: Where, wrong: Wrong) -> Path | None:
    parts = tuple(text.split(".")) if isinstance(text, str) else ()
    if not parts or not all(parts) or len(parts) > 8 or len(str(text)) > 200:
        message = f"`{_short(text)}` is no field: a name, or names joined by dots"
        wrong(where, RULE, message, "customer.email is `email` in `customer`")
        return None
    return parts


def _values(said: Mapping[str, Any], where: Where, wrong: Wrong) -> tuple[tuple[Any, Any], ...]:
    table = said.get("values", {})
    if not isinstance(table, Mapping):
        wrong((*where, "values"), RULE, "`values` is not a table of ours: theirs", "{paid: settled, open: pending}")
        return ()
    seen: list[Any] = []
    for ours, theirs in table.items():
        if isinstance(theirs, Mapping | list):
            wrong((*where, "values", str(ours)), RULE, "a value of theirs is a text, a number or a truth", "settled")
        elif any(type(each) is type(theirs) and each == theirs for each in seen):
            message = f"two values of ours are `{_short(theirs)}` there: the way back is not clear"
            wrong((*where, "values", str(ours)), RULE, message, "leave one of them out")
        seen.append(theirs)
    return tuple(table.items())


def _money(said: Mapping[str, Any], where: Where, wrong: Wrong) -> str | Path:
    money = said.get("money", "")
    if isinstance(money, Mapping) and set(money) == {"from"}:
        return _path(money["from"], (*where, "money"), wrong) or ""
    if money == "" or is_currency(money):
        return str(money)
    message = f"`money` is `{_short(money)}`, neither a currency nor the field of theirs that names one"
    wrong((*where, "money"), RULE, message, "EUR, or {from: currency}")
    return ""


def _overlapping(paths: Sequence[tuple[str, Path]]) -> Iterator[tuple[str, str]]:
    """Pairs of names whose paths are one another's beginning; neighbours, once they are sorted by path."""
    ordered = sorted(paths, key=lambda each: each[1])
    for index, (name, path) in enumerate(ordered):
        for other, longer in ordered[index + 1 :]:
            if longer[: len(path)] != path:
                break
            yield other, name


def _short(text: Any) -> str:
    return str(text)[:40]
