"""Which fields an expression may ask for: names and paths against the declared schemas.

The engine knows types of names, not of the fields of objects; this closes the gap, also behind an index (`a[0].b`) and
in the variable of a macro (`a.all(x, x.b > 1)`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from aios.expressions.lexical import Token, closing, tokens
from aios.expressions.scope import ExpressionError, Schema, Scope, is_closed, shown

_MACROS = {"all", "exists", "exists_one", "map", "filter"}


@dataclass(frozen=True, slots=True)
class _Bound:
    """A macro's variable: known between two token indexes."""

    name: str
    first: int
    last: int
    schema: Schema


@dataclass(slots=True)
class _Reading:
    text: str
    words: Sequence[Token]
    scope: Scope
    roots: frozenset[str]
    bound: list[_Bound] = field(default_factory=list)

    def at(self, index: int) -> str:
        return self.words[index].text if index < len(self.words) else ""

    def variable(self, index: int) -> _Bound | None:
        name = self.at(index)
        found = (b for b in reversed(self.bound) if b.name == name and b.first <= index < b.last)
        return next(found, None)


def check_fields(text: str, scope: Scope) -> None:
    """Raises ExpressionError for a path that no declared schema knows."""
    words = list(tokens(text))
    reading = _Reading(text, words, scope, frozenset(name.split(".")[0] for name in scope.names))
    for index, word in enumerate(words):
        if word.kind != "name" or (index and words[index - 1].text == ".") or reading.at(index + 1) == "(":
            continue
        variable = reading.variable(index)
        if variable is not None:
            _follow(reading, index + 1, variable.schema, variable.name)
        elif word.text in reading.roots:
            _path(reading, index)


def _path(reading: _Reading, index: int) -> None:
    """A path that begins with a declared name: the longest one that is declared, then its fields."""
    names = reading.scope.names
    parts = [reading.at(index)]
    ends = [index + 1]
    while reading.at(ends[-1]) == "." and _is_field(reading, ends[-1] + 1):
        parts.append(reading.at(ends[-1] + 1).strip("`"))
        ends.append(ends[-1] + 2)
    for length in range(len(parts), 0, -1):
        dotted = ".".join(parts[:length])
        if dotted in names:
            _follow(reading, ends[length - 1], names[dotted], dotted)
            return
    tried = ".".join(parts[:2])
    raise ExpressionError(f"`{tried}` is unknown in `{shown(reading.text)}`", _hint(tried, list(names)))


def _follow(reading: _Reading, index: int, schema: Schema, path: str) -> None:
    """Fields, indexes and macros behind a value of that schema."""
    while True:
        mark = reading.at(index)
        if mark == "[":
            schema, path = _indexed(reading, index, schema, path)
            index = closing(list(reading.words), index) + 1
        elif mark == "." and reading.at(index + 2) == "(":
            macro = reading.at(index + 1)
            end = closing(list(reading.words), index + 2)
            if macro in _MACROS and reading.at(index + 4) == ",":
                reading.bound.append(_Bound(reading.at(index + 3), index + 3, end, _items(schema)))
            if macro != "filter":
                return
            index = end + 1
        elif mark == "." and _is_field(reading, index + 1):
            name = reading.at(index + 1).strip("`")
            schema, path = _field(reading, schema, name, path), f"{path}.{name}"
            index += 2
        else:
            return


def _indexed(reading: _Reading, index: int, schema: Schema, path: str) -> tuple[Schema, str]:
    key = reading.words[index + 1] if index + 1 < len(reading.words) else None
    if key is not None and key.kind == "string" and reading.at(index + 2) == "]" and key.text[0] in "'\"":
        name = key.text.strip("'\"")
        return _field(reading, schema, name, path), f"{path}.{name}"
    return _items(schema), f"{path}[…]"


def _field(reading: _Reading, schema: Schema, name: str, path: str) -> Schema:
    properties = schema.get("properties")
    if not isinstance(properties, Mapping) or not is_closed(schema):
        return {}
    if name not in properties:
        raise ExpressionError(
            f"`{path}` has no `{name}` in `{shown(reading.text)}`", _hint(name, [str(each) for each in properties])
        )
    found = properties[name]
    return found if isinstance(found, Mapping) else {}


def _items(schema: Schema) -> Schema:
    items = schema.get("items")
    return items if isinstance(items, Mapping) else {}


def _is_field(reading: _Reading, index: int) -> bool:
    return index < len(reading.words) and reading.words[index].kind == "name" and reading.at(index + 1) != "("


def _hint(name: str, known: list[str]) -> str:
    import difflib

    close = difflib.get_close_matches(name, known, 1, 0.5)
    listed = ", ".join(sorted(known)[:12]) + (" …" if len(known) > 12 else "")
    return f"did you mean `{close[0]}`?" if close else f"known here: {listed or 'nothing'}"
