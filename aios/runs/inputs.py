"""A run's inputs: from the command line or a trigger, checked against what the workflow declares."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from aios.domain.workflow import Workflow
from aios.errors import UsageError


def parse_inputs(workflow: Workflow, given: Mapping[str, Any] | Sequence[str]) -> dict[str, Any]:
    """All declared inputs with their values, defaults filled in. Raises UsageError for a missing, unknown or wrong one.

    A sequence holds `NAME=VALUE` texts, coerced by the declared type; a name given twice makes a list.
    """
    values = dict(given) if isinstance(given, Mapping) else _from_pairs(workflow, given)
    unknown = sorted(set(values) - set(workflow.inputs))
    if unknown:
        raise UsageError(f"{workflow.name} has no input `{unknown[0]}`", _listing(workflow))
    result: dict[str, Any] = {}
    for name, schema in workflow.inputs.items():
        if name in values:
            result[name] = _checked(workflow, name, schema, values[name])
        elif "default" in schema:
            result[name] = schema["default"]
        elif schema.get("required", True) is False:
            result[name] = None
        else:
            raise UsageError(
                f"{workflow.name} needs the input `{name}`", f'add --input {name}="…"; {_listing(workflow)}'
            )
    return result


def _from_pairs(workflow: Workflow, pairs: Sequence[str]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not equals:
            raise UsageError(f"`{pair}` is no input", "write NAME=VALUE")
        if name not in workflow.inputs:
            raise UsageError(f"{workflow.name} has no input `{name}`", _listing(workflow))
        value = _coerced(name, text, workflow.inputs[name])
        if name in values:
            if not isinstance(value, list):
                raise UsageError(f"the input `{name}` is given twice", "only lists may be given more than once")
            value = [*values[name], *value]
        values[name] = value
    return values


def _coerced(name: str, text: str, schema: Mapping[str, Any]) -> Any:
    kind = schema.get("type", "string")
    if kind == "string":
        return text
    if kind == "array":
        if text.startswith("["):
            return _json(name, text)
        return [each for each in text.split("\n") if each]
    return _json(name, text)


def _json(name: str, text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        raise UsageError(f"the input `{name}` is no JSON: {text[:60]}", 'write e.g. 3, true or ["a", "b"]') from None


def _checked(workflow: Workflow, name: str, schema: Mapping[str, Any], value: Any) -> Any:
    from jsonschema import Draft7Validator

    bare = {key: each for key, each in schema.items() if key not in {"default", "required"}}
    problem = next(iter(Draft7Validator(bare).iter_errors(value)), None)
    if problem is not None:
        raise UsageError(f"the input `{name}` of {workflow.name}: {problem.message[:200]}", _listing(workflow))
    return value


def _listing(workflow: Workflow) -> str:
    parts = [f"{name} ({schema.get('type', 'any')})" for name, schema in workflow.inputs.items()]
    return f"its inputs: {', '.join(parts) or 'none'}"
