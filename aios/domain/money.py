"""Money for people: whole minor units and a currency, as text."""

from __future__ import annotations

# ISO 4217: currencies whose smallest unit is not a hundredth.
_WHOLE = frozenset("BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF".split())  # noqa: SIM905
_THOUSANDTHS = frozenset("BHD IQD JOD KWD LYD OMR TND".split())  # noqa: SIM905


def digits_of(currency: str) -> int:
    """How many decimal places amounts in that currency have."""
    return 0 if currency in _WHOLE else 3 if currency in _THOUSANDTHS else 2


def money(amount: int, currency: str) -> str:
    """`money(4900, "EUR")` is `49.00 EUR`."""
    digits = digits_of(currency)
    sign, value = "-" if amount < 0 else "", abs(amount)
    whole, part = divmod(value, 10**digits)
    return f"{sign}{whole}{f'.{part:0{digits}}' if digits else ''} {currency}"
