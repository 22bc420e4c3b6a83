"""Values that a pattern cannot judge: is this day in the calendar, is this moment one?

Shared by the fast validator and the one that explains, so that both always agree.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:Z|[+-]\d{2}:\d{2})", re.ASCII)
_MAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]+")


def is_date(value: object) -> bool:
    """A day that exists, as `2026-03-02`. Values that are not text are none of a format's business."""
    if not isinstance(value, str):
        return True
    if not _DATE.fullmatch(value):
        return False
    try:
        date.fromisoformat(value)
    except ValueError:
        return False
    return True


def is_moment(value: object) -> bool:
    """A moment with its offset, as `2026-03-02T09:30:00Z`."""
    if not isinstance(value, str):
        return True
    if not _MOMENT.fullmatch(value):
        return False
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return False
    return True


def is_mail(value: object) -> bool:
    """Something that mail could be sent to: one `@`, a dot behind it, no blanks."""
    return not isinstance(value, str) or _MAIL.fullmatch(value) is not None


FORMATS: Mapping[str, Callable[[object], bool]] = {"date": is_date, "date-time": is_moment, "email": is_mail}
EXAMPLES = {"date": "2026-03-02", "date-time": "2026-03-02T09:30:00Z", "email": "name@example.com"}
