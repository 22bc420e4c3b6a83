"""What the engine says, in the operator's words."""

from __future__ import annotations

import re
from typing import Any

from aios.expressions.scope import ExpressionError, Scope, shown

_POSITION = re.compile(r"<input>:(\d+):(\d+): ([^\n]*)")
_CODE = re.compile(r"^(?:[A-Z_]+: )+| \[[A-Z_]+\]$")
_OVERLOAD = re.compile(r"[Nn]o matching overloads? (?:for|found :) '?([^' (]+)'?(?: applied to '| ?)?(?:\((.*)\))?")
_KEY = re.compile(r'Key not found in map : "?([^"]*)"?')
_UNKNOWN = re.compile(r"undeclared reference to '([^']*)'")
_FUNCTIONS = "size, has, slug, contains, startsWith, endsWith, matches, all, exists, exists_one, map, filter"
_WORDS = {"int64": "int", "null_type": "null", "dyn": "any"}


def readable(error: Any, text: str, scope: Scope) -> ExpressionError:
    """One line with a hint, from an exception or an error value of the engine."""
    expression = shown(text)
    if isinstance(error, MemoryError | RecursionError):
        return ExpressionError(f"`{expression}` grows too large", "split it over two steps")
    found = _POSITION.search(str(error))
    message = _CODE.sub("", found[3] if found else (str(error).splitlines() or ["it failed"])[0])
    message = _CODE.sub("", message)
    unknown = _UNKNOWN.search(message)
    if unknown:
        return _unknown(unknown[1], text, scope)
    overload = _OVERLOAD.search(message)
    if overload:
        return _overload(overload[1], overload[2] or "", expression)
    key = _KEY.search(message)
    if key:
        return ExpressionError(f"there is no `{key[1]}` in `{expression}`", "ask with has(…) first")
    if "teration budget" in message:
        return ExpressionError(f"`{expression}` goes over too many items", "at most 10,000 in all")
    syntax = message.removeprefix("Syntax error: ").split(" expecting ")[0]
    at_end = found is not None and "no viable" in syntax and int(found[2]) >= len(text.strip())
    if at_end or (syntax != message and "'<EOF>'" in syntax):
        return ExpressionError(f"`{expression}` ends too early", "something is missing at its end")
    where = f" at character {int(found[2])}" if found and "yntax" in message else ""
    return ExpressionError(f"`{expression}`{where}: {shown(syntax)}")


def _unknown(name: str, text: str, scope: Scope) -> ExpressionError:
    if re.search(rf"(?<!\w){re.escape(name)}\s*\(", text):
        return ExpressionError(f"there is no function `{name}` for `{shown(text)}`", f"there are {_FUNCTIONS}")
    import difflib

    close = difflib.get_close_matches(name, list(scope.names), 1, 0.5)
    known = ", ".join(sorted(scope.names)[:12]) or "nothing"
    hint = f"did you mean `{close[0]}`?" if close else f"known here: {known}"
    return ExpressionError(f"`{name}` is unknown in `{shown(text)}`", hint)


def _overload(function: str, arguments: str, expression: str) -> ExpressionError:
    kinds = [_WORDS.get(each.strip(), each.strip()) for each in re.split(r",(?![^(]*\))", arguments) if each.strip()]
    operator = function.strip("_@").replace("_", " ").strip() or function
    if {"int", "double"} <= set(kinds):
        hint = "a number with decimals takes another one: write 2.0, or double(…)"
    elif "null" in kinds:
        hint = "it is never null; ask with has(…)"
    else:
        hint = "see the types of its parts"
    taken = f" {' and '.join(kinds)}" if kinds else " these"
    return ExpressionError(f"`{operator}` cannot take{taken} in `{expression}`", hint)
