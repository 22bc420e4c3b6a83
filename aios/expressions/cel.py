"""The engine: CEL, typed when a file is checked, evaluated on plain values.

When checked, every field that is declared is a variable of its own (`inputs.topic`), so that a wrong type is an error.
When evaluated, values are what they are, and `has(…)` asks whether a field is there. The engine itself stops what goes
over more than ten thousand items; regular expressions are RE2 and linear.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from aios.domain.keys import canonical_json
from aios.domain.slug import slug
from aios.expressions.fields import check_fields
from aios.expressions.lexical import ORDER, Token, growth, in_order, tokens
from aios.expressions.messages import readable
from aios.expressions.scope import ExpressionError, Schema, Scope, is_name, is_root, shown

LIMIT = 2000  # characters of one expression
GROWTH = 10_000
_SLUG_FROM = 1000  # characters: a slug has 64, and an expression may ask for thousands of slugs
_NO_JSON = {"TIMESTAMP", "DURATION", "BYTES", "TYPE", "ERROR"}
_WRONG = (RuntimeError, MemoryError, RecursionError, ValueError, OverflowError)


def compile_value(text: str, scope: Scope) -> str:
    """Check an expression; the name of its type (`STRING`, `BOOL`, `LIST<…>`, `DYN`). Raises ExpressionError."""
    text = text.strip()
    _bounded(text)
    check_fields(text, scope)
    try:
        kind = str(_checked(_without_has(text), _names(scope)).return_type().name())
    except _WRONG as error:
        raise readable(error, text, scope) from None
    if kind.partition("<")[0] in _NO_JSON:
        raise ExpressionError(
            f"`{shown(text)}` is a {kind.lower()}, which no file can hold", "turn it into text: string(…)"
        )
    return kind


def compile_bool(text: str, scope: Scope) -> None:
    """Check a condition. Raises ExpressionError where it is not boolean."""
    kind = compile_value(text, scope)
    if kind not in {"BOOL", "DYN"}:
        raise ExpressionError(f"`{shown(text)}` is {kind.lower()}, not true or false", "compare it with something")


def evaluate(text: str, values: Mapping[str, Any]) -> Any:
    """The value of an expression, JSON types, the fields of objects in their order. Raises ExpressionError."""
    text = text.strip()
    _bounded(text)
    words = list(tokens(text))
    used = {word.text for word in words if word.kind == "name"}
    known = {name: value for name, value in values.items() if name in used and is_root(name)}
    try:
        found = _looked_up(words, known)
        if found:
            return _json(found[0], text)
        result = _program(in_order(text), tuple(sorted(known))).eval(data=known)
        failed = result.type().name() in {"ERROR", "*error*"}
        value = result.value() if failed else result.plain_value()
        if not failed:
            return _json(value, text)
    except _WRONG as error:
        raise readable(error, text, Scope({name: {} for name in values})) from None
    raise readable(value, text, Scope())


def evaluate_bool(text: str, values: Mapping[str, Any]) -> bool:
    """Is the condition true? Raises ExpressionError where it is not boolean."""
    value = evaluate(text, values)
    if not isinstance(value, bool):
        raise ExpressionError(f"`{shown(text)}` gave {shown(repr(value))}, not true or false")
    return value


def _looked_up(words: list[Token], values: Mapping[str, Any]) -> tuple[Any] | None:
    """What a plain path (`a.b.c`) leads to, exactly as it is; None where it is more than that, or leads nowhere."""
    found: Any = values
    for index, word in enumerate(words):
        if index % 2 == (word.kind == "name") or (index % 2 and word.text != "."):
            return None
        if index % 2 == 0:
            if not isinstance(found, Mapping) or word.text not in found or not is_name(word.text):
                return None
            found = found[word.text]
    return (found,) if len(words) % 2 else None


def _bounded(text: str) -> None:
    if not text:
        raise ExpressionError("the expression is empty", "write a value such as inputs.topic")
    if len(text) > LIMIT:
        raise ExpressionError(f"the expression is longer than {LIMIT} characters", "split it over two steps")
    if "${{" in text:
        raise ExpressionError("`${{ … }}` has no place inside an expression", "write the bare expression")
    if growth(text) > GROWTH:
        raise ExpressionError(f"`{shown(text)}` may grow beyond all bounds", "fewer `map`, `+` and `,` in one")


def _json(value: Any, text: str) -> Any:
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return {key: _json(value[key], text) for key in sorted(value)}
    if isinstance(value, list):
        return [_json(each, text) for each in value]
    if value is None or isinstance(value, str | bool | int) or (isinstance(value, float) and math.isfinite(value)):
        return value
    what = "a map with keys that are no text" if isinstance(value, dict) else f"{value}, which is no JSON"
    raise ExpressionError(f"`{shown(text)}` gave {shown(what)}", "give text, a number, true, false, null, a list …")


def _without_has(text: str) -> str:
    """`has(a.b)` as `true`, at the same columns: its path was checked, and the engine would take it for `a.b`."""
    words = list(tokens(text))
    for index, word in enumerate(words):
        if word.text != "has" or (index and words[index - 1].text == "."):
            continue
        end = index + 2
        while end < len(words) and (words[end].kind == "name" or words[end].text == "."):
            end += 1
        inside = words[index + 2 : end]
        plain = (
            len(inside) >= 3 and len(inside) % 2 and all((w.text == ".") == bool(n % 2) for n, w in enumerate(inside))
        )
        if plain and words[index + 1].text == "(" and end < len(words) and words[end].text == ")":
            text = text[: word.start] + "true".ljust(words[end].end - word.start) + text[words[end].end :]
    return text


def _type(schema: Schema) -> Any:
    from cel_expr_python import cel

    kind = schema.get("type")
    simple = {
        "string": cel.Type.STRING,
        "boolean": cel.Type.BOOL,
        "integer": cel.Type.INT,
        "number": cel.Type.DOUBLE,
        "null": cel.Type.NULL,
        "object": cel.Type.Map(cel.Type.STRING, cel.Type.DYN),
    }
    if kind == "array":
        items = schema.get("items")
        return cel.Type.List(_type(items) if isinstance(items, Mapping) else cel.Type.DYN)
    return simple.get(kind, cel.Type.DYN) if isinstance(kind, str) else cel.Type.DYN


def _names(scope: Scope) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((name, canonical_json(schema)) for name, schema in scope.names.items()))


@lru_cache(maxsize=4096)
def _checked(text: str, names: tuple[tuple[str, str], ...]) -> Any:
    return _typed_environment(names).compile(text)


@lru_cache(maxsize=4096)
def _program(text: str, roots: tuple[str, ...]) -> Any:
    return _plain_environment(roots).compile(text)


@lru_cache(maxsize=256)
def _typed_environment(names: tuple[tuple[str, str], ...]) -> Any:
    import json

    return _environment({name: _type(json.loads(schema)) for name, schema in names}, {"slug": _slug})


@lru_cache(maxsize=256)
def _plain_environment(roots: tuple[str, ...]) -> Any:
    from cel_expr_python import cel

    return _environment(dict.fromkeys(roots, cel.Type.DYN), {"slug": _slug, ORDER: _ordered})


def _environment(variables: Mapping[str, Any], functions: Mapping[str, Any]) -> Any:
    from cel_expr_python import cel

    text, anything = cel.Type.STRING, cel.Type.DYN
    listed, mapped = cel.Type.List(anything), cel.Type.Map(anything, anything)
    # Each with the identity that binds it to its implementation.
    overloads = {
        "slug": {"slug_string": (text, text)},
        ORDER: {"ordered_list": (listed, listed), "ordered_map": (listed, mapped)},
    }
    return cel.NewEnv(
        variables=dict(variables),
        functions=[
            cel.FunctionDecl(
                name,
                [
                    cel.Overload(each, result, [given], name == ORDER)
                    for each, (result, given) in overloads[name].items()
                ],
            )
            for name in functions
        ],
        function_impls={each: function for name, function in functions.items() for each in overloads[name]},
    )


def _slug(text: str) -> str:
    return slug(text[:_SLUG_FROM])


def _ordered(value: Any) -> list[Any]:
    return sorted(value, key=lambda key: (str(type(key)), key)) if isinstance(value, Mapping) else list(value)
