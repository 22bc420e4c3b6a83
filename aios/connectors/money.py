"""Amounts as services write them (`19.99`) and as we keep them: whole minor units of a currency. Exact or refused."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from typing import Any

from aios.domain.money import digits_of

_CURRENCY = re.compile(r"[A-Z]{3}\Z")
_MOST = 15  # significant digits that survive a service's binary fractions


def is_currency(text: Any) -> bool:
    """Is it an ISO 4217 code, by its form?"""
    return isinstance(text, str) and _CURRENCY.match(text) is not None


def minor_units(value: Any, currency: str) -> int | None:
    """`19.99`, EUR → 1999; None for what is no amount of that currency, or has more digits than it."""
    if not is_currency(currency) or isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        amount = Decimal(value if isinstance(value, str | int) else repr(value))
    except InvalidOperation:
        return None
    if not amount.is_finite() or (isinstance(value, float) and len(amount.as_tuple().digits) > _MOST):
        return None
    if amount.adjusted() > 17:  # beyond any amount, and beyond what a database holds
        return None
    units = amount.scaleb(digits_of(currency))
    return int(units) if units == units.to_integral_value() else None


def decimal_text(units: Any, currency: str) -> str | None:
    """1999, EUR → `19.99`; None for what is no whole number, or no currency."""
    if not is_currency(currency) or type(units) is not int:
        return None
    digits = digits_of(currency)
    sign, text = "-" if units < 0 else "", str(abs(units)).rjust(digits + 1, "0")
    return f"{sign}{text[:-digits]}.{text[-digits:]}" if digits else f"{sign}{text}"
