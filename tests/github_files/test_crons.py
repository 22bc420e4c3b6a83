"""The lines of cron in a workflow file meet every due time of every workflow, and stay far enough apart for GitHub."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise
from zoneinfo import ZoneInfo

import pytest
from cronsim import CronSim
from hypothesis import given, settings
from hypothesis import strategies as st

from aios.runs.on_actions.crons import LATE, SLOTS, Line, Wanted, union

ZONES = ["UTC", "Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe", "Asia/Kathmandu"]
STARTS = [datetime(2026, 3, 27, tzinfo=UTC), datetime(2026, 10, 23, tzinfo=UTC), datetime(2028, 2, 27, tzinfo=UTC)]


def _field(low: int, high: int, *special: str) -> st.SearchStrategy[str]:
    number = st.integers(low, high)
    span = st.tuples(number, number).map(lambda ends: f"{min(ends)}-{max(ends)}")
    step = st.tuples(st.one_of(st.just("*"), span), st.integers(2, 9)).map(lambda each: f"{each[0]}/{each[1]}")
    one = st.one_of(number.map(str), span, step)
    several = st.lists(one, min_size=2, max_size=3).map(",".join)
    return st.one_of(st.just("*"), one, several, *map(st.just, special))


CRONS = st.tuples(
    _field(0, 59), _field(0, 23), _field(1, 28, "L", "LW"), st.sampled_from(["*", "*", "2-11", "1,2,3,10"]),
    _field(0, 7, "5L", "1#2", "MON-FRI"),
).map(" ".join)  # fmt: skip
WANTED = st.builds(Wanted, CRONS, st.sampled_from(ZONES), st.sampled_from(["watch", "triage", "compact"]))


def occurrences(cron: str, timezone: str, start: datetime, number: int) -> list[datetime]:
    times = CronSim(cron, start.astimezone(ZoneInfo(timezone)))
    return [each.astimezone(UTC) for each in islice(times, number)]


def fires_within(lines: list[Line], due: datetime) -> bool:
    """Does any line fire at the due time or up to `LATE` minutes after it?"""
    before = due - timedelta(seconds=1)
    return any(occurrences(line.cron, line.timezone, before, 1)[0] <= due + timedelta(minutes=LATE) for line in lines)


@settings(max_examples=60, deadline=None)
@given(st.lists(WANTED, min_size=1, max_size=4), st.sampled_from(STARTS))
def test_every_due_time_of_any_schedules_is_met_within_five_minutes(wanted: list[Wanted], start: datetime) -> None:
    lines = union(wanted)
    for each in wanted:
        for due in occurrences(each.cron, each.timezone, start, 12):
            assert fires_within(lines, due), (each, due, lines)


@settings(max_examples=60, deadline=None)
@given(st.lists(WANTED, min_size=1, max_size=4))
def test_a_line_fires_at_odd_minutes_at_least_five_apart_and_is_plain_cron(wanted: list[Wanted]) -> None:
    for line in union(wanted):
        assert set("".join(line.cron.split())) <= set("0123456789*,-/")
        times = occurrences(line.cron, line.timezone, STARTS[2], 15)
        assert all(later - earlier >= timedelta(minutes=5) for earlier, later in pairwise(times))
        assert all(time.astimezone(ZoneInfo(line.timezone)).minute in SLOTS for time in times)


@settings(max_examples=40, deadline=None)
@given(st.lists(WANTED, min_size=1, max_size=4))
def test_what_was_joined_once_stays_as_it_is(wanted: list[Wanted]) -> None:
    lines = union(wanted)
    again = union(Wanted(line.cron, line.timezone, by) for line in lines for by in line.by)
    assert [(line.cron, line.timezone) for line in again] == [(line.cron, line.timezone) for line in lines]
    assert {by for line in lines for by in line.by} == {each.by for each in wanted}


@pytest.mark.parametrize(
    ("crons", "expected"),
    [
        (["37 5 * * *"], ["41 5 * * *"]),
        (["0 7 * * 1", "3 7 * * 1"], ["5 7 * * 1"]),
        (["7 8-18/2 * * 1-5"], ["11 8-18/2 * * 1-5"]),
        (["*/10 * * * *"], ["5,11,23,35,41,53 * * * *"]),
        (["* * * * *"], ["5-59/6 * * * *"]),
        (["0 0 * * 7"], ["5 0 * * 0"]),
        (["0 5 * * *", "0 5 1 * *"], ["5 5 * * *"]),
        (["0 5 1-31 * 1"], ["5 5 * * *"]),
        (["0 5 */2 * 1"], ["5 5 * * 1"]),
        (["0 5 13 * 5"], ["5 5 13 * 5"]),
        (["59 23 L * *"], ["59 23 26-31 * *"]),
    ],
)
def test_schedules_become_few_lines(crons: list[str], expected: list[str]) -> None:
    assert [line.cron for line in union(Wanted(cron, "UTC", "x") for cron in crons)] == expected


@pytest.mark.parametrize("cron", ["* * * *", "61 * * * *", "0 0 0 * * *", "what"])
def test_what_is_no_cron_is_said(cron: str) -> None:
    with pytest.raises(ValueError, match="is no schedule"):
        union([Wanted(cron, "UTC", "x")])
