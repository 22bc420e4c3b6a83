"""A run's inputs: from the command line or a trigger, checked against what the workflow declares."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from aios.domain.event import one_line
from aios.domain.workflow import Workflow
from aios.errors import UsageError
from aios.expressions import typed

LIMIT = 32 * 1024  # bytes of all inputs as JSON: they are kept in one commit message
UNUSABLE = "its schema cannot be used: "  # how `problem_of` begins where the schema is what is wrong

_EXAMPLES = {
    "integer": "a whole number such as 3",
    "number": "a number such as 2.5",
    "boolean": "true or false",
    "array": 'several times NAME=VALUE, or a JSON list such as ["a", "b"]',
    "object": 'a JSON mapping such as {"a": 1}',
    "null": "null",
}


def bare(schema: Mapping[str, Any]) -> dict[str, Any]:
    """An input's declaration as a plain JSON Schema: without `default` and without the flag `required`."""
    return {
        name: each
        for name, each in schema.items()
        if name != "default" and not (name == "required" and isinstance(each, bool))
    }


def is_needed(schema: Mapping[str, Any]) -> bool:
    """Must somebody give it? Not where it has a default or says `required: false` (then it is null)."""
    return "default" not in schema and schema.get("required") is not False


def problem_of(value: Any, schema: Mapping[str, Any]) -> str:
    """What is wrong with a value by a JSON Schema, in one line; empty where nothing is. Fetches nothing."""
    import re

    from jsonschema import Draft7Validator
    from jsonschema.exceptions import SchemaError
    from referencing import Registry
    from referencing.exceptions import Unresolvable

    registry: Registry[Any] = Registry()
    try:
        Draft7Validator.check_schema(dict(schema))
        found = sorted(Draft7Validator(dict(schema), registry=registry).iter_errors(value), key=lambda e: e.json_path)
    except SchemaError as error:
        return one_line(f"{UNUSABLE}{error.message}", 160)
    except (re.error, RecursionError, Unresolvable) as error:
        return one_line(f"{UNUSABLE}{error}", 160)
    if not found:
        return ""
    place = found[0].json_path.removeprefix("$")
    return one_line(f"{place}: {found[0].message}" if place else found[0].message, 160)


def parse_inputs(workflow: Workflow, given: Mapping[str, Any] | Sequence[str]) -> dict[str, Any]:
    """All declared inputs with their values, defaults filled in. Raises UsageError for a missing, unknown or wrong one.

    A sequence holds `NAME=VALUE` texts, coerced by the declared type; a list may be given one item at a time.
    """
    values = dict(given) if isinstance(given, Mapping) else _from_pairs(workflow, given)
    for name in sorted(set(values) - set(workflow.inputs)):
        raise _unknown(workflow, name)
    result: dict[str, Any] = {}
    for name, schema in workflow.inputs.items():
        if name in values:
            result[name] = _checked(workflow, name, schema, values[name])
        elif is_needed(schema):
            raise UsageError(
                f"{workflow.name} needs the input `{name}`", f'add --input {name}="…"; {_listing(workflow)}'
            )
        else:
            result[name] = typed(schema.get("default"), bare(schema))
    _small(workflow, result)
    return result


def _from_pairs(workflow: Workflow, pairs: Sequence[str]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not equals or not name.strip():
            raise UsageError(f"`{one_line(pair, 60)}` is no input", "write NAME=VALUE")
        name = name.strip()
        if name not in workflow.inputs:
            raise _unknown(workflow, name)
        value = _coerced(name, text, workflow.inputs[name])
        if name in values:
            if not isinstance(value, list) or not isinstance(values[name], list):
                raise UsageError(f"the input `{name}` is given twice", "only lists may be given more than once")
            value = [*values[name], *value]
        values[name] = value
    return values


def _coerced(name: str, text: str, schema: Mapping[str, Any]) -> Any:
    """Text from the command line as a value of the declared type."""
    declared = schema.get("type", ())
    kinds = [declared] if isinstance(declared, str) else list(declared)
    if not kinds:  # anything, or an `enum` of anything: text where that will do
        return text if not problem_of(text, bare(schema)) else _json(name, text, "text, or JSON")
    if "string" in kinds:
        return text
    if kinds == ["array"]:
        if text.startswith("["):
            return _json(name, text, _EXAMPLES["array"])
        items = schema.get("items")
        each_as: Mapping[str, Any] = items if isinstance(items, Mapping) and items else {"type": "string"}
        return [_coerced(name, each, each_as) for each in text.split("\n") if each]
    return _json(name, text, _EXAMPLES.get(kinds[0], "JSON"))


def _json(name: str, text: str, example: str) -> Any:
    try:
        return json.loads(text, parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise UsageError(f"the input `{name}` cannot be `{one_line(text, 60)}`", f"write {example}") from None


def _no_number(text: str) -> Any:
    raise ValueError(text)


def _checked(workflow: Workflow, name: str, schema: Mapping[str, Any], value: Any) -> Any:
    plain = bare(schema)
    problem = problem_of(value, plain)
    if problem:
        raise UsageError(f"the input `{name}` of {workflow.name}: {problem}", _listing(workflow))
    return typed(value, plain)


def _small(workflow: Workflow, values: Mapping[str, Any]) -> None:
    try:
        size = len(json.dumps(values, ensure_ascii=False, allow_nan=False).encode())
    except (ValueError, TypeError, RecursionError):  # bytes that are no UTF-8, NaN, or no JSON at all
        raise UsageError(f"an input of {workflow.name} is not text in UTF-8 or JSON", "check its encoding") from None
    if size > LIMIT:
        hint = "give a file's or folder's name instead of its text"
        raise UsageError(f"the inputs of {workflow.name} are larger than {LIMIT // 1024} KiB", hint)


def _unknown(workflow: Workflow, name: str) -> UsageError:
    import difflib

    close = difflib.get_close_matches(name, workflow.inputs, 1)
    hint = f"did you mean `{close[0]}`?" if close else _listing(workflow)
    return UsageError(f"{workflow.name} has no input `{one_line(name, 60)}`", hint)


def _listing(workflow: Workflow) -> str:
    parts = [f"{name} ({_kind(schema)})" for name, schema in workflow.inputs.items()]
    return f"its inputs: {', '.join(parts) or 'none'}"


def _kind(schema: Mapping[str, Any]) -> str:
    kind = schema.get("type", "any")
    return kind if isinstance(kind, str) else " or ".join(str(each) for each in kind)
