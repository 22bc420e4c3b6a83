"""Values with `${{ … }}` in them: evaluated once, never rendered again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from aios.domain.keys import canonical_json
from aios.expressions.cel import evaluate
from aios.expressions.lexical import hole_end
from aios.expressions.scope import ExpressionError, shown

_OPEN = "${{"


def holes(value: Any) -> Iterator[str]:
    """Every expression inside `${{ … }}` of a value, nested ones too. Raises ExpressionError where one does not end."""
    if isinstance(value, str):
        yield from (expression for _, _, expression in _holes(value))
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from holes(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from holes(each)


def whole(value: Any) -> str | None:
    """The expression where a value is one `${{ … }}` and nothing else: such a value keeps its type."""
    if not isinstance(value, str):
        return None
    found = list(_holes(value.strip()))
    return found[0][2] if len(found) == 1 and found[0][:2] == (0, len(value.strip())) else None


def render(value: Any, values: Mapping[str, Any]) -> Any:
    """A value with its expressions evaluated; a whole-value expression keeps its type. Raises ExpressionError."""
    if isinstance(value, str):
        only = whole(value)
        return evaluate(only, values) if only is not None else fill(value, values, _as_text)
    if isinstance(value, Mapping):
        return {name: render(each, values) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [render(each, values) for each in value]
    return value


def render_text(template: str, values: Mapping[str, Any]) -> str:
    return _as_text(render(template, values))


def fill(text: str, values: Mapping[str, Any], write: Callable[[Any], str]) -> str:
    """A text with its expressions evaluated, each written by `write`. Raises ExpressionError."""
    parts, done = [], 0
    for start, end, expression in _holes(text):
        parts += [text[done:start], write(evaluate(expression, values))]
        done = end
    return "".join([*parts, text[done:]])


def _holes(text: str) -> Iterator[tuple[int, int, str]]:
    start = text.find(_OPEN)
    while start >= 0:
        inside = start + len(_OPEN)
        end = hole_end(text, inside)
        if end is None:
            raise ExpressionError(f"`{shown(text[start:])}` is never closed", "end it with `}}`")
        yield start, end + 2, text[inside:end]
        start = text.find(_OPEN, end + 2)


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else canonical_json(value)
