"""Trust of what is made from several texts: that of the least trusted."""

from __future__ import annotations

from collections.abc import Iterable

from aios.domain.record import Trust

_ORDER = (Trust.OPERATOR, Trust.DERIVED, Trust.EXTERNAL)


def worst(trusts: Iterable[Trust]) -> Trust:
    """The least trusted; operator's where there is none."""
    return max(trusts, key=_ORDER.index, default=Trust.OPERATOR)
