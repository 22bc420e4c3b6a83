"""The types in a workflow: what each expression may name, what it gives, and what is wanted in its place.

Expressions are typed by what is declared (inputs, agents' outputs), so that an unknown name or a wrong type is found
here and not in the middle of a run.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from aios.domain.agent import Contract
from aios.domain.effect import Capability
from aios.domain.record import Where
from aios.domain.workflow import Step, StepKind, Workflow
from aios.effects.payloads import PAYLOADS
from aios.expressions import ExpressionError, Scope, compile_bool, compile_value, declare, holes, names_under, whole
from aios.runs.definition_findings import Check, suggestion
from aios.runs.inputs import bare, is_needed, problem_of

EFFECT_OUTPUT: Mapping[str, Any] = {
    "type": "object",
    "properties": {"key": {"type": "string"}, "url": {"type": "string"}},
}
# CEL's name of a type -> JSON Schema types that it can stand for.
_FITS = {
    "STRING": {"string"},
    "BOOL": {"boolean"},
    "INT": {"integer", "number"},
    "UINT": {"integer", "number"},
    "DOUBLE": {"number"},
    "LIST": {"array"},
    "MAP": {"object"},
    "NULL": {"null"},
}
_EMPTY: Mapping[str, Any] = {"string": "", "integer": 0, "number": 0.0, "boolean": False, "array": [], "object": {}}


def inputs_scope(workflow: Workflow) -> dict[str, Mapping[str, Any]]:
    """Names for the run's inputs; one that may be left out and has no default may be null."""
    names: dict[str, Mapping[str, Any]] = {}
    for name, schema in workflow.inputs.items():
        plain = bare(schema)
        if not is_needed(schema) and "default" not in schema and isinstance(plain.get("type"), str):
            plain["type"] = [plain["type"], "null"]
        names |= declare(f"inputs.{name}", plain)
    return names


def scope_of(workflow: Workflow, step: Step) -> Scope:
    """What a step's expressions may name: inputs, outputs of other steps, and `item` in a `for_each`."""
    names = inputs_scope(workflow)
    for other in workflow.steps.values():
        if other.name != step.name and other.kind is not StepKind.GATE:
            schema = {"type": "array", "items": other.output} if other.for_each else other.output
            names |= declare(f"steps.{other.name}", schema)
    if step.for_each:
        items = names.get(step.for_each.strip(), {}).get("items")
        names |= declare("item", items if isinstance(items, Mapping) else {})
    return Scope(names)


def empty_output(schema: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The fields of an output with the value each has where the step was skipped: "", 0, false, [], {} or null."""
    properties = schema.get("properties")
    for name, each in (properties if isinstance(properties, Mapping) else {}).items():
        kinds = types_of(each)
        yield name, None if "null" in kinds else _EMPTY.get(next(iter(sorted(kinds)), ""))


def types_of(schema: Any) -> set[str]:
    """The JSON types that a schema names; none where it takes anything."""
    kind = schema.get("type") if isinstance(schema, Mapping) else None
    if isinstance(kind, str):
        return {kind}
    return {str(each) for each in kind} if isinstance(kind, list) else set()


def check_types(told: Check, step: Step, where: Where) -> None:
    """Everything in a step that is, holds or receives a value."""
    scope = scope_of(told.workflow, step)
    if step.when:
        check_condition(told, step.when, scope, (*where, "when"))
    if step.for_each:
        outside = {name: each for name, each in scope.names.items() if name.split(".")[0] != "item"}
        _typed(told, step.for_each, Scope(outside), (*where, "for_each"), {"array"})
    contract = told.agents.get(step.uses) if step.kind is StepKind.AGENT else None
    capability = told.capabilities.get(step.uses) if step.kind is StepKind.COLLECT else None
    taken: Mapping[str, Any] = contract.input if contract else capability.payload if capability else {}
    if step.kind is StepKind.EFFECT:
        taken = _taken_by(step.uses, told.capabilities.get(step.uses))
    _given(told, step, taken, scope, (*where, "with"))
    if contract:
        _may_write(told, step, contract)


def check_condition(told: Check, text: str, scope: Scope, where: Where) -> None:
    try:
        compile_bool(text, scope)
    except ExpressionError as error:
        told.add(where, "expression", error.message, error.hint)


def check_value(told: Check, value: Any, scope: Scope, where: Where, schema: Mapping[str, Any]) -> None:
    """A value in a file, expressions in it or not, against the schema of what receives it."""
    try:
        texts, only = list(holes(value)), whole(value)
    except ExpressionError:
        return  # the reader told
    for text in texts:
        _typed(told, text, scope, where, types_of(schema) if only is not None else set())
    problem = "" if texts else problem_of(value, schema)
    if isinstance(value, str) and texts and only is None and types_of(schema) and "string" not in types_of(schema):
        problem = f"text around an expression is text, where {_either(types_of(schema))} is wanted"
    if problem:
        told.add(where, "type", f"`{where[-1]}`: {problem}", _wanted(schema))


def _taken_by(name: str, capability: Capability | None) -> Mapping[str, Any]:
    """What an effect takes: the record that feeds it, and fields of the payload that the workflow itself gives."""
    payload = capability.payload if capability else {}
    properties = payload.get("properties")
    known = {**(properties if isinstance(properties, Mapping) else {}), "record": {"type": "string"}}
    required = ["record"] if name in PAYLOADS else list(payload.get("required") or ())
    closed = capability is not None and isinstance(properties, Mapping)
    return {"properties": known, "required": required, **({"additionalProperties": False} if closed else {})}


def _given(told: Check, step: Step, taken: Mapping[str, Any], scope: Scope, where: Where) -> None:
    properties = taken.get("properties")
    known: Mapping[str, Any] = properties if isinstance(properties, Mapping) else {}
    kinds = {StepKind.AGENT: "the agent ", StepKind.EFFECT: "the effect "}
    what = f"{kinds.get(step.kind, '')}{step.uses}"
    for name, value in step.with_.items():
        if taken.get("additionalProperties") is False and name not in known:
            message = f"{what} takes no `{name}`"
            told.add((*where, name), "with", message, suggestion(name, known, "it takes"))
        schema = known.get(name)
        check_value(told, value, scope, (*where, name), schema if isinstance(schema, Mapping) else {})
    for name in taken.get("required") or ():
        if name not in step.with_:
            told.add(where, "with", f"{what} needs `{name}`", f"add `{name}:` to `with`")


def _may_write(told: Check, step: Step, contract: Contract) -> None:
    """An agent must be allowed to write the record that it is asked to work on, and be told which it is."""
    place: Where = ("steps", step.name)
    grant = f"grant it in `writes` of state/agents/{contract.name}.yaml"
    takes, gives = contract.input.get("properties") or {}, contract.output.get("required") or ()
    fixed = [pattern.split("${{", maxsplit=1)[0] for pattern in contract.writes]
    if "record" in takes and "record" in gives and not any(each.startswith(("state/", "*")) for each in fixed):
        message = f"`{step.name}` works on a record, and the agent {contract.name} may write none"
        told.add(place, "permission", message, grant)
    names = {name for text in _texts(contract.writes) for name in names_under(text, "input")}
    for name in sorted(names - set(step.with_)):
        message = f"what {contract.name} may write depends on `{name}`, which `{step.name}` does not give"
        told.add((*place, "with"), "permission", message, f"add `{name}:` to `with`")


def _texts(patterns: tuple[str, ...]) -> list[str]:
    try:
        return list(holes(patterns))
    except ExpressionError:
        return []  # the contract's own check tells


def _typed(told: Check, text: str, scope: Scope, where: Where, wanted: set[str]) -> None:
    """`wanted` are JSON types, empty where any will do."""
    try:
        found = compile_value(text, scope)
    except ExpressionError as error:
        told.add(where, "expression", error.message, error.hint)
        return
    fits = _FITS.get(found.partition("<")[0])
    if wanted and fits is not None and not fits & wanted:
        gives = "integer" if "integer" in fits else _either(fits)
        told.add(where, "type", f"`{text.strip()}` is {gives}, where {_either(wanted)} is wanted", _turned(wanted))


def _either(kinds: set[str]) -> str:
    return " or ".join(sorted(kinds))


def _turned(wanted: set[str]) -> str:
    if "string" in wanted:
        return "turn it into text: string(…)"
    return "turn it into a number: int(…)" if wanted & {"integer", "number"} else "give a value of that type"


def _wanted(schema: Mapping[str, Any]) -> str:
    kinds = types_of(schema)
    return f"give {_either(kinds)}" if kinds else "see the schema of what receives it"
