"""Texts and values that somebody outside made, within bounds that hold for everything that is done with them later."""

from __future__ import annotations

import json
import math
from typing import Any

DEEPEST = 40  # levels of lists and objects in one another
LARGEST = 2**63 - 1  # what a database holds as a whole number


def mended(text: str) -> str:
    """The text without halves of letters: two that belong together become one, others the mark for what is unknown."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def json_of(text: str, start: int = 0, *, alone: bool = True) -> Any:
    """The JSON value that begins at `start`, and with `alone` ends the text. Texts in it are mended.

    Raises ValueError for what is none, is nested too deeply, or holds a number that is none or too large.
    """
    try:
        found, end = json.JSONDecoder().raw_decode(text, start)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    if alone and text[end:].strip():
        raise ValueError(f"something follows behind it: {text[end:].strip()[:20]}")
    return _bounded(found, DEEPEST)


def _bounded(value: Any, depth: int) -> Any:
    if not depth:
        raise ValueError("it is nested too deeply")
    match value:
        case str():
            return mended(value)
        case bool() | None:
            return value
        case int() | float():
            if abs(value) > LARGEST if isinstance(value, int) else not math.isfinite(value):
                raise ValueError("a number in it is none or too large")
            return value
        case list():
            return [_bounded(each, depth - 1) for each in value]
        case _:
            return {mended(name): _bounded(each, depth - 1) for name, each in value.items()}
