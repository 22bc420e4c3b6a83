"""What a plain YAML scalar means: the core schema of YAML 1.2, and nothing else.

Dates, `yes`, `no`, `on` and `off` are strings.
"""

from __future__ import annotations

import re

_WORDS = {
    "": None,
    "~": None,
    "null": None,
    "Null": None,
    "NULL": None,
    "true": True,
    "True": True,
    "TRUE": True,
    "false": False,
    "False": False,
    "FALSE": False,
}
_FIRST = frozenset("0123456789+-.")
_DECIMAL = re.compile(r"[-+]?[0-9]+")
_OCTAL = re.compile(r"0o[0-7]+")
_HEXADECIMAL = re.compile(r"0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_INT_LIMIT = 2**63  # what SQLite, JSON readers and CEL can hold
_DIGITS = 40  # more are out of range anyway; converting them would cost quadratic time


class OutOfRangeError(ValueError):
    """A number that no reader of ours could hold."""


def resolve(text: str) -> str | int | float | bool | None:
    """The value of a plain scalar. Raises `OutOfRangeError` for numbers beyond 64 bits, infinities and NaN."""
    if not text or text[0] not in _FIRST:
        return _WORDS.get(text, text)
    if _DECIMAL.fullmatch(text):
        return _bounded(text, 10)
    if _FLOAT.fullmatch(text):
        number = float(text) if len(text) <= 4 * _DIGITS else float("inf")
        if number in {float("inf"), float("-inf")}:
            raise OutOfRangeError("the number is too large")
        return number
    if _HEXADECIMAL.fullmatch(text):
        return _bounded(text, 16)
    if _OCTAL.fullmatch(text):
        return _bounded(text, 8)
    if _NOT_FINITE.fullmatch(text):
        raise OutOfRangeError("infinity and NaN are no values of a record")
    return text


def _bounded(text: str, base: int) -> int:
    number = int(text, base) if len(text) <= 4 * _DIGITS else _INT_LIMIT
    if not -_INT_LIMIT <= number < _INT_LIMIT:
        raise OutOfRangeError("the number does not fit into 64 bits")
    return number
