"""What models cost in a month until a moment, as the log tells it on every machine alike."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo

from aios.domain.names import COMPANY
from aios.llm.budget import Limits
from aios.llm.past import told_since
from aios.proposals.reviewed import Month
from aios.runs.context import Context
from aios.store.documents import parse


def month_until(context: Context, until: str) -> Month | None:
    """None where the company has no models: then it costs nothing at all."""
    document, _ = parse(COMPANY, context.git.read_blob(f"{context.main}:{COMPANY}") or b"")
    tiers = document.data.get("tiers") if document else None
    if document is None or not tiers:
        return None
    try:
        end = datetime.fromisoformat(until).astimezone(_zone(str(document.data.get("timezone") or "UTC")))
    except ValueError:
        return None
    begin = end.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    spent = [each.past.amount for each in told_since(context.git, begin.isoformat()) if begin <= each.at <= end]
    limits = Limits.of(tiers.get("limits")) if isinstance(tiers, dict) else Limits()
    return Month(
        round(sum(each.usd for each in spent), 6),
        sum(each.tokens for each in spent),
        limits.month_usd,
        limits.month_tokens,
    )


def _zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, LookupError):
        return UTC
