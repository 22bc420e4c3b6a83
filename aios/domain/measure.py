"""What an effect moves, read off its payload: money and people."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

UNKNOWN = 2**53 - 1  # an amount or a number of recipients that nobody can read counts as the largest


@dataclass(frozen=True, slots=True)
class Total:
    """Acts of one kind: how many, and how much of `currency` they moved (minor units; empty without money)."""

    connector: str
    capability: str
    currency: str
    acts: int
    amount: int


def amount_of(payload: Mapping[str, Any]) -> int:
    """Minor units, rounded up: `amount`, or the sum of the `lines`; 0 where the payload names no money."""
    if payload.get("amount") is not None:
        return _bounded(payload["amount"])
    lines = payload.get("lines")
    if not isinstance(lines, Sequence) or isinstance(lines, str):
        return 0 if lines is None else UNKNOWN
    total = 0
    for line in lines:
        if not isinstance(line, Mapping):
            return UNKNOWN
        quantity, price = _bounded(line.get("quantity", 1)), _bounded(line.get("amount", 0))
        if UNKNOWN in (quantity, price):
            return UNKNOWN
        total += quantity * price
    return _bounded(total)


def currency_of(payload: Mapping[str, Any]) -> str:
    return str(payload.get("currency") or "")


def recipients_of(payload: Mapping[str, Any]) -> tuple[str, ...] | None:
    """Their addresses, small letters; None where nobody can read who they are."""
    value = payload.get("recipients")
    if value is None:
        return ()
    if isinstance(value, str):
        value = [each for each in re.split(r"[,;]", value) if each.strip()]
    if not isinstance(value, Sequence):
        return None
    found = tuple(address_of(each) for each in value)
    return found if all(found) else None


def recipients_in(payload: Mapping[str, Any]) -> int:
    """How many they are, where that is said."""
    value, known = payload.get("recipients"), recipients_of(payload)
    if known is not None:
        return len(known)
    if isinstance(value, Sequence):
        return len(value)
    return min(value, UNKNOWN) if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else UNKNOWN


def address_of(item: Any) -> str:
    """Of a recipient, `{email, name?}` or plain text; empty where there is none."""
    given = item.get("email") if isinstance(item, Mapping) else item
    return given.strip().casefold() if isinstance(given, str) else ""


def _bounded(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return UNKNOWN
    return max(-UNKNOWN, min(math.ceil(value), UNKNOWN))
