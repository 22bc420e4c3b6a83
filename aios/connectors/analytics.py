"""What `analytics.read` takes and gives, whoever counts: the period asked for, and numbers within bounds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from aios.domain.keys import canonical_json
from aios.errors import RefusedError, UsageError

TOP = 100
MOST_BYTES = 48 * 1024  # of the whole answer: it becomes part of a commit message
_MOST_DAYS = 366  # of the one page that is left when nothing else can be cut
_DATE = r"^\d{4}-\d{2}-\d{2}(?:T.*)?$"

PARAMS: Mapping[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "days": {
            "type": "integer",
            "minimum": 1,
            "maximum": 3_660,
            "description": "So many whole days up to yesterday.",
        },
        "from": {"type": "string", "pattern": _DATE, "description": "First day."},
        "to": {"type": "string", "pattern": _DATE, "description": "Last day, included."},
        "now": {"type": "string", "pattern": _DATE, "description": "The moment that `days` counts back from."},
        "top": {"type": "integer", "minimum": 1, "maximum": 1_000, "description": "Most pages, terms and addresses."},
    },
}


def period(params: Mapping[str, Any], zone: ZoneInfo, clock: Callable[[], datetime]) -> tuple[date, date]:
    """First and last day asked for; a week up to yesterday where nothing is said. Raises UsageError."""
    try:
        now = datetime.fromisoformat(str(params["now"])) if params.get("now") else clock()
        today = (now.astimezone(zone) if now.tzinfo else now).date()
        end = date.fromisoformat(str(params["to"])[:10]) if params.get("to") else today - timedelta(days=1)
        days = timedelta(days=int(params.get("days", 7)) - 1)
        start = date.fromisoformat(str(params["from"])[:10]) if params.get("from") else end - days
    except (ValueError, OverflowError) as error:
        raise UsageError(f"this is no period: {error}", "write dates like 2026-03-02") from error
    if start > end:
        raise UsageError(f"the period ends ({end}) before it begins ({start})", "turn `from` and `to` round")
    return start, end


def zone_of(settings: Mapping[str, Any]) -> ZoneInfo:
    """Whose days are counted. Raises RefusedError for a time zone that nobody knows."""
    zone = str(settings.get("timezone", "UTC"))
    try:
        return ZoneInfo(zone)
    except (KeyError, ValueError, OSError) as error:
        raise RefusedError(f"`{zone[:60]}` is no time zone", "write it like Europe/Berlin") from error


def bounded(result: dict[str, Any], top: int) -> dict[str, Any]:
    """Cut the longest lists until the whole is small enough; the days of pages last."""
    whole = {name: len(result[name]) for name in ("pages", "referrers", "searches", "missing")}
    limit = top
    while True:
        cut = {**result, **{name: result[name][:limit] for name in whole}}
        if limit <= 1:
            cut["pages"] = [{**page, "days": page["days"][-_MOST_DAYS:]} for page in cut["pages"]]
        left_out = {name: number - limit for name, number in whole.items() if number > limit}
        if left_out:
            cut["left_out"] = left_out
        if len(canonical_json(cut).encode()) <= MOST_BYTES or limit <= 1:
            return cut
        limit = limit * 3 // 4
