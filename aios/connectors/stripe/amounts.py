"""Amounts as Stripe writes them, and as everybody else does.

Both are whole numbers of a currency's smallest unit, and a currency without decimals stays as it is. Of three
currencies Stripe has another opinion of their smallest unit than ISO 4217.
"""

from __future__ import annotations

from fractions import Fraction

# Stripe's units to one of ISO 4217's: it keeps two decimals for two that have none, and takes them from one.
_UNITS = {"ISK": Fraction(100), "UGX": Fraction(100), "MGA": Fraction(1, 100)}


def ours(amount: int, currency: str) -> int:
    """An amount of theirs in the units of ISO 4217, rounded down to a whole one."""
    return int(amount // _UNITS.get(currency.upper(), Fraction(1)))


def theirs(amount: int, currency: str) -> int:
    """An amount of ours in their units. Raises ValueError where that is no whole number."""
    found = amount * _UNITS.get(currency.upper(), Fraction(1))
    if found.denominator != 1:
        raise ValueError(f"{amount} {currency} is no whole amount at Stripe")
    return int(found)
