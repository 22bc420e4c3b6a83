"""The schedules of all workflows as few lines of cron that GitHub keeps: each due time is met by a line at once or some
minutes later. Pure.

Lines fire at the minutes 5, 11, 17 … 59 alone: never on the full hour, when the most is dropped; always odd; six
minutes apart, whichever workflow asked; and whatever minute is due, one of them comes within five in the same hour.
What is due is decided elsewhere, from what was done: a line that fires too often, or late, starts nothing wrong.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

SLOTS = tuple(range(5, 60, 6))
LATE = 5  # minutes, at most
_FULL = {"hour": range(24), "day": range(1, 32), "month": range(1, 13), "weekday": range(7)}


@dataclass(frozen=True, slots=True)
class Wanted:
    """One schedule: five fields of cron in a time zone, and who asks for it."""

    cron: str
    timezone: str
    by: str


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a workflow file. `by` says whose schedules it keeps."""

    cron: str
    timezone: str
    by: tuple[str, ...]

    @property
    def daily(self) -> bool:
        """Does it fire on every day?"""
        return self.cron.split()[2:] == ["*", "*", "*"]


def union(wanted: Iterable[Wanted]) -> list[Line]:
    """Lines that fire at each wanted time or up to `LATE` minutes after it. Raises ValueError for what is no cron."""
    merged: dict[tuple[str, ...], dict[int, set[str]]] = {}
    for each in wanted:
        minutes, rest = _fields(each.cron)
        slots = merged.setdefault((*rest, each.timezone), {})
        for minute in minutes:
            slots.setdefault(_slot(minute), set()).add(each.by)
    lines = []
    for (*fields, timezone), slots in merged.items():
        asked = sorted({name for names in slots.values() for name in names})
        lines.append(Line(" ".join((_text(slots, SLOTS, "5-59/6"), *fields)), timezone, tuple(asked)))
    return _without_contained(sorted(lines, key=lambda line: (line.timezone, line.cron)))


def _slot(minute: int) -> int:
    return next(slot for slot in SLOTS if slot >= minute)


def _fields(cron: str) -> tuple[Collection[int], tuple[str, str, str, str]]:
    """The minutes, and the four other fields as GitHub understands them.

    `L`, `#` and a restricted day beside a `*/n` are widened to something that contains them.
    """
    from datetime import UTC, datetime

    from cronsim import CronSim, CronSimError

    if len(cron.split()) != 5:
        raise ValueError(f"`{cron[:60]}` is no schedule: it has {len(cron.split())} fields, not five")
    try:
        parsed = CronSim(cron, datetime(2026, 1, 1, tzinfo=UTC))
    except CronSimError as error:
        raise ValueError(f"`{cron[:60]}` is no schedule: {error}") from error
    written = cron.upper().split()
    days = {each for each in parsed.days if each > 0}
    if len(days) < len(parsed.days):
        days |= set(range(26, 32))  # the last day or the last working day of a month
    weekdays = {(each[0] if isinstance(each, tuple) else each) % 7 for each in parsed.weekdays}
    days, weekdays = _widened(
        days, weekdays, day_star=written[2].startswith("*"), weekday_star=written[4].startswith("*")
    )
    # Where clocks are set forward, a named hour is made up for and `*` is not: which of both it was is kept.
    hour = "*" if written[1].startswith("*") else "0-23"
    return parsed.minutes, (
        _text(parsed.hours, _FULL["hour"], hour),
        _text(days, _FULL["day"], "*"),
        _text(parsed.months, _FULL["month"], "*"),
        _text(weekdays, _FULL["weekday"], "*"),
    )


def _widened(days: set[int], weekdays: set[int], *, day_star: bool, weekday_star: bool) -> tuple[set[int], set[int]]:
    """Days and weekdays of which at most one is restricted, unless they add up. Where one begins with a star they
    narrow each other, which not every cron knows; else a day that fits either of them counts."""
    every_day, every_weekday = set(_FULL["day"]), set(_FULL["weekday"])
    if day_star or weekday_star:
        narrow = weekdays < every_weekday and (day_star or days == every_day)
        return (every_day, weekdays) if narrow else (days, every_weekday)
    return (every_day, every_weekday) if days == every_day or weekdays == every_weekday else (days, weekdays)


def _text(values: Iterable[int], all_: Collection[int], full: str) -> str:
    """A field: `full` where it holds all, else a range, a range with a step, or a list."""
    found = sorted(set(values))
    if len(found) == len(all_):
        return full
    step = found[1] - found[0] if len(found) > 2 else 0
    if step and found == list(range(found[0], found[-1] + 1, step)):
        return f"{found[0]}-{found[-1]}" + (f"/{step}" if step > 1 else "")
    return ",".join(map(str, found))


def _without_contained(lines: list[Line]) -> list[Line]:
    """Without the lines whose every firing is one of another line's; that one answers for them."""
    kept: list[Line] = []
    for line in sorted(lines, key=lambda each: -sum(len(set(_values(field))) for field in each.cron.split())):
        for index, other in enumerate(kept):
            if line.timezone == other.timezone and _contains(other.cron, line.cron):
                kept[index] = Line(other.cron, other.timezone, tuple(sorted({*other.by, *line.by})))
                break
        else:
            kept.append(line)
    return sorted(kept, key=lambda line: (line.timezone, line.cron))


def _contains(outer: str, inner: str) -> bool:
    many, few = outer.split(), inner.split()
    # A day and a weekday that are both restricted add up in cron: compared only where they are written alike.
    if many[2:] != few[2:] and many[2:] != ["*", "*", "*"]:
        return False
    return all(set(_values(theirs)) <= set(_values(mine)) for mine, theirs in zip(many[:2], few[:2], strict=True))


def _values(field: str) -> Iterator[int]:
    """What a field written by `_text` holds."""
    for part in field.split(","):
        span, _, step = part.partition("/")
        first, _, last = span.partition("-")
        if first == "*":
            yield from range(32)
        else:
            yield from range(int(first), int(last or first) + 1, int(step or 1))
