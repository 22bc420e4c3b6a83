"""What an expression may name, with the JSON Schemas of the values."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from aios.domain.event import one_line
from aios.errors import AiosError

Schema = Mapping[str, Any]
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
# Words of the expression language: no value can be called so.
RESERVED = frozenset({
    *("as", "break", "const", "continue", "else", "false", "for", "function", "if", "import", "in", "let", "loop"),
    *("namespace", "null", "package", "return", "true", "var", "void", "while"),
})  # fmt: skip
_TYPES = frozenset({"bool", "bytes", "double", "dyn", "int", "list", "map", "null_type", "string", "type", "uint"})


class ExpressionError(AiosError):
    """An expression that does not compile or cannot be evaluated."""


@dataclass(frozen=True, slots=True)
class Scope:
    """The names an expression may use: dotted name → JSON Schema of its value."""

    names: Mapping[str, Schema] = field(default_factory=dict)


def is_name(text: str) -> bool:
    """Can an expression call something so?"""
    return _NAME.match(text) is not None and text not in RESERVED


def is_root(text: str) -> bool:
    """Can a value that stands by itself be called so? Names of types cannot."""
    return is_name(text) and text not in _TYPES


def is_closed(schema: Schema) -> bool:
    """Are an object's fields those that are declared, and no others?"""
    return bool(schema.get("properties")) and schema.get("additionalProperties", False) is False


def declare(prefix: str, schema: Schema) -> dict[str, Schema]:
    """Names for a value of that schema: one for the whole, one for each field that is known and can be named."""
    names: dict[str, Schema] = {prefix: schema}
    properties = schema.get("properties")
    if schema.get("type") == "object" and isinstance(properties, Mapping):
        for name, each in properties.items():
            if is_name(name):
                names |= declare(f"{prefix}.{name}", each if isinstance(each, Mapping) else {})
    return names


def typed(value: Any, schema: Schema) -> Any:
    """The value with numbers as their schema has them: `1` where a number is declared is 1.0, `1.0` an integer 1.

    JSON knows one kind of number and expressions know two; without this `score * 2.0` would fail on a full score.
    """
    kind = schema.get("type")
    kinds = {kind} if isinstance(kind, str) else set(kind or ())
    if isinstance(value, int) and not isinstance(value, bool) and "number" in kinds and "integer" not in kinds:
        return float(value) if abs(value) < 2**1000 else value
    if isinstance(value, float) and value.is_integer() and "integer" in kinds and "number" not in kinds:
        return int(value)
    items, properties = schema.get("items"), schema.get("properties")
    if isinstance(value, list) and isinstance(items, Mapping):
        return [typed(each, items) for each in value]
    if isinstance(value, Mapping) and isinstance(properties, Mapping):
        known = {name: each for name, each in properties.items() if isinstance(each, Mapping)}
        return {name: typed(each, known[name]) if name in known else each for name, each in value.items()}
    return value


def shown(text: str) -> str:
    """An expression as a message quotes it: one line, not too long."""
    return one_line(" ".join(text.split()), 80)
