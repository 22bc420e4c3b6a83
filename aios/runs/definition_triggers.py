"""Checking what starts a workflow: schedules, events, signals, and the inputs that they give."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from aios.domain.record import Where
from aios.expressions import ExpressionError, Scope, holes
from aios.runs.definition_findings import Check, suggestion
from aios.runs.definition_types import check_condition, check_value
from aios.runs.inputs import bare, is_needed
from aios.runs.schedule import latest

_KINDS = ("manual", "schedule", "event", "signal")
_NOW = datetime.fromisoformat("2028-12-31T00:00:00+00:00")
_BEFORE = datetime.fromisoformat("2024-01-01T00:00:00+00:00")  # a leap day lies between


def triggers(data: Mapping[str, Any]) -> Iterator[tuple[str, Where, Mapping[str, Any]]]:
    """What starts it: kind, place and specification of each; a kind may have one or a list of them."""
    declared = data.get("on")
    for kind, spec in (declared if isinstance(declared, Mapping) else {}).items():
        several = spec if isinstance(spec, list) else [spec]
        for index, each in enumerate(several):
            where: Where = ("on", kind, index) if isinstance(spec, list) else ("on", kind)
            yield str(kind), where, each if isinstance(each, Mapping) else {}


def check_trigger(told: Check, kind: str, where: Where, spec: Mapping[str, Any]) -> None:
    """`where` is the trigger's place in the document."""
    if kind not in _KINDS:
        told.add(where, "trigger", f"nothing starts a workflow on `{kind}`", suggestion(kind, _KINDS))
        return
    if kind == "schedule":
        _schedule(told, where, spec)
    scope = Scope({kind: {}}) if kind in {"event", "signal"} else Scope()
    when = spec.get("when")
    if isinstance(when, str):
        check_condition(told, when, scope, (*where, "when"))
    given = spec.get("inputs")
    for name, value in (given if isinstance(given, Mapping) else {}).items():
        schema = told.workflow.inputs.get(name)
        if schema is None:
            told.add(
                (*where, "inputs", name), "input", f"there is no input `{name}`", suggestion(name, told.workflow.inputs)
            )
        if kind == "schedule" and _has_holes(value):
            message = f"a schedule knows nothing to put into `{name}`"
            told.add((*where, "inputs", name), "expression", message, "write the value itself")
        else:
            check_value(told, value, scope, (*where, "inputs", name), bare(schema or {}))
    if kind == "schedule" or isinstance(given, Mapping):
        _unfilled(told, kind, given if isinstance(given, Mapping) else {}, where)


def _schedule(told: Check, where: Where, spec: Mapping[str, Any]) -> None:
    cron, zone = str(spec.get("cron", "")), str(spec.get("timezone", "UTC"))
    try:
        if latest(cron, "UTC", now=_NOW, since=_BEFORE) is None:
            told.add((*where, "cron"), "cron", f"`{cron}` never comes", "e.g. 17 6 * * 1")
    except ValueError as error:
        told.add((*where, "cron"), "cron", str(error), "minute hour day month weekday, e.g. 17 6 * * 1")
    try:
        latest("0 0 * * *", zone, now=_NOW, since=_NOW)
    except ValueError as error:
        told.add((*where, "timezone"), "timezone", str(error), "e.g. Europe/Berlin")


def _has_holes(value: Any) -> bool:
    try:
        return any(True for _ in holes(value))
    except ExpressionError:
        return True


def _unfilled(told: Check, kind: str, given: Mapping[str, Any], where: Where) -> None:
    """What starts by itself must fill every input that has no default: nobody is there to give it."""
    for name, schema in told.workflow.inputs.items():
        if name not in given and is_needed(schema):
            message = f"nothing gives the input `{name}` where {'an' if kind == 'event' else 'a'} {kind} starts it"
            told.add(where, "input", message, f"add `inputs: {{{name}: …}}` or a default")
