"""Expressions in workflows, policies and invariants: CEL behind a small interface of ours.

Typed, budgeted, without side effects, clock or randomness. Known objects are declared field by field under dotted
names (`inputs.topic`), so that an unknown name or a wrong type is an error when the file is checked.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from aios.domain.keys import canonical_json
from aios.domain.slug import slug
from aios.errors import AiosError

LIMIT = 2000  # characters of one expression
_HOLE = re.compile(r"\$\{\{(.*?)\}\}", re.DOTALL)
_POSITION = re.compile(r"<input>:(\d+):(\d+): ([^\n]*)")

Schema = Mapping[str, Any]


class ExpressionError(AiosError):
    """An expression that does not compile or cannot be evaluated."""


@dataclass(frozen=True, slots=True)
class Scope:
    """The names an expression may use: dotted name → JSON Schema of its value."""

    names: Mapping[str, Schema] = field(default_factory=dict)

    @classmethod
    def of_values(cls, values: Mapping[str, Any]) -> Scope:
        """A scope as wide as the values at hand, for expressions that were checked before."""
        return cls({name: {} for name in values})


def declare(prefix: str, schema: Schema) -> dict[str, Schema]:
    """Names for an object of that schema: one per field where its fields are known, else one for the whole."""
    properties = schema.get("properties")
    if schema.get("type") == "object" and isinstance(properties, Mapping) and properties:
        names: dict[str, Schema] = {prefix: schema}
        for name, each in properties.items():
            names |= declare(f"{prefix}.{name}", each if isinstance(each, Mapping) else {})
        return names
    return {prefix: schema}


def _type(schema: Schema) -> Any:
    from cel_expr_python import cel

    kind = schema.get("type")
    simple = {"string": cel.Type.STRING, "boolean": cel.Type.BOOL, "integer": cel.Type.INT, "null": cel.Type.NULL}
    if isinstance(kind, str) and kind in simple:
        return simple[kind]
    if kind == "number":
        return cel.Type.DOUBLE
    if kind == "array":
        items = schema.get("items")
        return cel.Type.List(_type(items) if isinstance(items, Mapping) else cel.Type.DYN)
    if kind == "object":
        return cel.Type.Map(cel.Type.STRING, cel.Type.DYN)
    return cel.Type.DYN


@lru_cache(maxsize=256)
def _environment(names: tuple[tuple[str, str], ...]) -> Any:
    import json

    from cel_expr_python import cel

    variables = {name: _type(json.loads(schema)) for name, schema in names}
    overload = cel.Overload("slug_string", cel.Type.STRING, [cel.Type.STRING], False)
    return cel.NewEnv(
        variables=variables, functions=[cel.FunctionDecl("slug", [overload])], function_impls={"slug_string": slug}
    )


@lru_cache(maxsize=4096)
def _compiled(text: str, names: tuple[tuple[str, str], ...]) -> Any:
    return _environment(names).compile(text)


def _names(scope: Scope) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((name, canonical_json(schema)) for name, schema in scope.names.items()))


def compile_value(text: str, scope: Scope) -> str:
    """Check an expression; the name of its type (`STRING`, `BOOL`, `LIST<…>`, `DYN`). Raises ExpressionError."""
    if len(text) > LIMIT:
        raise ExpressionError(f"the expression is longer than {LIMIT} characters")
    if "${{" in text:
        raise ExpressionError("`${{ … }}` has no place inside an expression", "write the bare expression")
    try:
        return str(_compiled(text.strip(), _names(scope)).return_type().name())
    except RuntimeError as error:
        raise _readable(error, text, scope) from None


def compile_bool(text: str, scope: Scope) -> None:
    """Check a condition. Raises ExpressionError where it is not boolean."""
    kind = compile_value(text, scope)
    if kind not in {"BOOL", "DYN"}:
        raise ExpressionError(f"`{text}` is {kind.lower()}, not true or false", "compare it with something")


def _readable(error: Exception, text: str, scope: Scope) -> ExpressionError:
    import difflib

    found = _POSITION.search(str(error))
    message = found[3] if found else str(error).splitlines()[0]
    unknown = re.search(r"undeclared reference to '([^']+)'", message)
    if unknown:
        close = difflib.get_close_matches(unknown[1], list(scope.names), 1, 0.5)
        hint = f"did you mean `{close[0]}`?" if close else f"known here: {', '.join(sorted(scope.names)[:12])}"
        return ExpressionError(f"`{unknown[1]}` is unknown in `{text.strip()}`", hint)
    return ExpressionError(f"`{text.strip()}`: {message}")


def evaluate(text: str, values: Mapping[str, Any], scope: Scope | None = None) -> Any:
    """The value of an expression, JSON types. Raises ExpressionError."""
    flat = flatten(values)
    used = scope or Scope.of_values(flat)
    try:
        result = _compiled(text.strip(), _names(used)).eval(data={k: v for k, v in flat.items() if k in used.names})
    except RuntimeError as error:
        raise _readable(error, text, used) from None
    if result.type().name() in {"ERROR", "*error*"}:
        raise ExpressionError(f"`{text.strip()}` cannot be evaluated: {result.value()}")
    return result.plain_value()


def evaluate_bool(text: str, values: Mapping[str, Any]) -> bool:
    """Is the condition true? Raises ExpressionError where it is not boolean."""
    value = evaluate(text, values)
    if not isinstance(value, bool):
        raise ExpressionError(f"`{text}` gave {value!r}, not true or false")
    return value


def flatten(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested mappings under dotted names, and the mappings themselves."""
    flat: dict[str, Any] = {}
    for name, value in values.items():
        dotted = f"{prefix}{name}"
        flat[dotted] = value
        if isinstance(value, Mapping) and all(isinstance(key, str) and key.isidentifier() for key in value):
            flat |= flatten(value, f"{dotted}.")
    return flat


def holes(value: Any) -> Iterator[str]:
    """Every expression inside `${{ … }}` of a `with` value, nested ones too."""
    if isinstance(value, str):
        yield from (found[1] for found in _HOLE.finditer(value))
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from holes(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from holes(each)


def render(value: Any, values: Mapping[str, Any]) -> Any:
    """A `with` value with its expressions evaluated once; a whole-value expression keeps its type."""
    if isinstance(value, str):
        whole = _HOLE.fullmatch(value.strip())
        if whole:
            return evaluate(whole[1], values)
        return _HOLE.sub(lambda found: _as_text(evaluate(found[1], values)), value)
    if isinstance(value, Mapping):
        return {name: render(each, values) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [render(each, values) for each in value]
    return value


def render_text(template: str, values: Mapping[str, Any]) -> str:
    return _as_text(render(template, values))


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else canonical_json(value)
