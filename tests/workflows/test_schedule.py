"""What is due: schedules with time zones, events and signals; each once, however often it is asked."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aios.domain.workflow import Trigger, Workflow
from aios.runs.schedule import LOOK_BACK, Firing, Occurred, due_triggers, latest

BERLIN = "Europe/Berlin"


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def z(moment: datetime | None) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ") if moment else ""


def flow(kind: str, called: str = "w", **spec: Any) -> Workflow:
    return Workflow(called, "", (Trigger(kind, spec),), {"topic": {"type": "string"}}, "s", {})


def due(*flows: Workflow, now: str, since: str = "2026-01-01T00:00:00Z", **more: Any) -> list[Firing]:
    return due_triggers(flows, now=now, since=since, **more)


@pytest.mark.parametrize(
    ("cron", "zone", "now", "expected"),
    [
        ("17 6 * * 1", "UTC", "2026-11-02T06:17:00Z", "2026-11-02T06:17:00Z"),
        ("17 6 * * 1", "UTC", "2026-11-02T06:16:59Z", "2026-10-26T06:17:00Z"),
        ("17 6 * * 1", BERLIN, "2026-11-02T09:00:00Z", "2026-11-02T05:17:00Z"),
        ("17 6 * * 1", BERLIN, "2026-07-06T09:00:00Z", "2026-07-06T04:17:00Z"),
        ("0 0 1 * *", "America/New_York", "2026-03-31T12:00:00Z", "2026-03-01T05:00:00Z"),
        ("0 0 L * *", "UTC", "2026-03-05T00:00:00Z", "2026-02-28T00:00:00Z"),
        # Spring: 02:30 is not there; it comes when the hour is over.
        ("30 2 * * *", BERLIN, "2026-03-29T00:59:00Z", "2026-03-28T01:30:00Z"),
        ("30 2 * * *", BERLIN, "2026-03-29T01:00:00Z", "2026-03-29T01:00:00Z"),
        ("30 2 * * *", BERLIN, "2026-03-30T00:30:00Z", "2026-03-30T00:30:00Z"),
        # Autumn: 02:30 comes twice, and counts the first time.
        ("30 2 * * *", BERLIN, "2026-10-25T00:29:00Z", "2026-10-24T00:30:00Z"),
        ("30 2 * * *", BERLIN, "2026-10-25T00:30:00Z", "2026-10-25T00:30:00Z"),
        ("30 2 * * *", BERLIN, "2026-10-25T01:10:00Z", "2026-10-25T00:30:00Z"),
        ("30 2 * * *", BERLIN, "2026-10-25T01:30:00Z", "2026-10-25T00:30:00Z"),
        ("30 2 * * *", BERLIN, "2026-10-25T12:00:00Z", "2026-10-25T00:30:00Z"),
        # A schedule of every hour comes in every hour that there is.
        ("0 * * * *", BERLIN, "2026-10-25T01:05:00Z", "2026-10-25T01:00:00Z"),
        ("0 * * * *", BERLIN, "2026-10-25T00:05:00Z", "2026-10-25T00:00:00Z"),
        # Half an hour of daylight saving, and a zone that skipped a day.
        ("15 2 * * *", "Australia/Lord_Howe", "2026-10-04T12:00:00Z", "2026-10-03T15:30:00Z"),
        ("0 12 * * *", "Pacific/Apia", "2011-12-31T12:00:00Z", "2011-12-30T22:00:00Z"),
    ],
)
def test_the_latest_occurrence_respects_the_zone_and_its_clocks(cron: str, zone: str, now: str, expected: str) -> None:
    moment = at(now)
    assert z(latest(cron, zone, now=moment, since=moment - timedelta(days=60))) == expected


def test_the_bound_is_open_below_and_closed_above() -> None:
    moment = at("2026-11-02T06:00:00Z")
    assert latest("0 6 * * *", "UTC", now=moment, since=moment) is None
    assert latest("0 6 * * *", "UTC", now=moment, since=moment - timedelta(seconds=1)) == moment


@pytest.mark.parametrize("cron", ["", "* * * *", "* * * * * *", "61 * * * *", "@daily", "x * * * *", "0 0 30 2 *"])
def test_what_is_no_schedule_is_refused(cron: str) -> None:
    with pytest.raises(ValueError, match="is no schedule"):
        latest(cron, "UTC", now=at("2026-01-01T00:00:00Z"), since=at("2025-01-01T00:00:00Z"))


@pytest.mark.parametrize("zone", ["Europe/Berlni", "", "../etc/passwd", "/etc/passwd", "\x00", "x" * 5000])
def test_what_is_no_time_zone_is_refused(zone: str) -> None:
    with pytest.raises(ValueError, match="unknown time zone"):
        latest("0 0 * * *", zone, now=at("2026-01-01T00:00:00Z"), since=at("2025-01-01T00:00:00Z"))


CRONS = ["17 6 * * 1", "30 2 * * *", "*/20 * * * *", "0 */3 * * *", "0 0 1 * *", "59 23 31 12 *", "30 1,2,3 * * *"]
ZONES = ["UTC", BERLIN, "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata"]
starts = st.datetimes(datetime(2024, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
pauses = st.lists(st.integers(1, 40_000).map(lambda seconds: timedelta(seconds=seconds)), min_size=1, max_size=25)


@given(st.sampled_from(CRONS), st.sampled_from(ZONES), starts, pauses)
def test_however_often_it_is_asked_each_occurrence_starts_once_and_never_early(
    cron: str, zone: str, start: datetime, ticks: list[timedelta]
) -> None:
    start = start.replace(microsecond=0)
    workflow, known, fired, now = flow("schedule", cron=cron, timezone=zone), set[str](), [], start
    for pause in ticks:
        now += pause
        for _ in range(2):
            for firing in due(workflow, now=z(now), since=z(start), known_keys=known):
                assert start < at(firing.at) <= now
                known.add(firing.key)
                fired.append(firing.at)
    assert fired == sorted(set(fired))
    last = latest(cron, zone, now=now, since=max(start, now - LOOK_BACK))
    assert (fired[-1:] or [""])[0] == z(last) or last is None


@given(st.sampled_from(CRONS), st.sampled_from(ZONES), starts)
def test_an_occurrence_is_one_that_the_clock_on_the_wall_shows(cron: str, zone: str, now: datetime) -> None:
    found = latest(cron, zone, now=now, since=now - timedelta(days=40))
    if found is None:
        return
    wall = found.astimezone(ZoneInfo(zone))
    minute = cron.split(maxsplit=1)[0]
    assert found <= now
    assert wall.second == 0
    # The hour that spring leaves out is made good at its end.
    assert not minute.isdigit() or wall.minute == int(minute) or wall.minute in {0, 30}


def test_of_what_was_missed_only_the_latest_is_started() -> None:
    workflow = flow("schedule", cron="0 6 * * *", timezone="UTC")
    first = due(workflow, now="2026-02-10T07:00:00Z")
    assert [firing.at for firing in first] == ["2026-02-10T06:00:00Z"]
    assert due(workflow, now="2026-02-10T23:00:00Z", known_keys={first[0].key}) == []
    assert [f.at for f in due(workflow, now="2026-02-14T00:00:00Z", known_keys={first[0].key})] == [
        "2026-02-13T06:00:00Z"
    ]


def test_a_workflow_that_is_new_owes_nothing_for_the_time_before() -> None:
    workflow = flow("schedule", cron="0 6 * * *", timezone="UTC")
    assert due(workflow, now="2026-02-10T07:00:00Z", since="2026-02-10T06:30:00Z") == []


def test_a_schedule_without_a_zone_goes_by_the_companys() -> None:
    workflow = flow("schedule", cron="0 6 * * *", inputs={"topic": "x"})
    (firing,) = due(workflow, now="2026-02-10T07:00:00Z", timezone=BERLIN)
    assert (firing.at, firing.inputs, firing.why) == ("2026-02-10T05:00:00Z", {"topic": "x"}, f"`0 6 * * *` ({BERLIN})")
    assert firing.trigger() == {"kind": "schedule", "key": firing.key, "at": firing.at, "why": firing.why}


def test_two_schedules_of_one_workflow_that_fall_together_start_it_once() -> None:
    twice = Workflow(
        "w", "", tuple(Trigger("schedule", {"cron": cron}) for cron in ("0 6 * * *", "0 6 * * 2")), {}, "s", {}
    )
    assert len(due(twice, now="2026-02-10T07:00:00Z")) == 1


def test_a_broken_schedule_holds_up_no_other() -> None:
    flows = [flow("schedule", called=name, cron=cron) for name, cron in (("a", "x"), ("b", "0 6 * * *"))]
    assert [firing.workflow for firing in due(*flows, now="2026-02-10T07:00:00Z")] == ["b"]
    assert [
        f.workflow for f in due(flow("schedule", cron="0 6 * * *", timezone="No/Where"), now="2026-02-10T07:00:00Z")
    ] == []


def happened(name: str = "content.requested", number: int = 1, **data: Any) -> Occurred:
    return Occurred(f"{number:040d}", name, f"2026-02-{number:02d}T00:00:00Z", data)


@pytest.mark.parametrize("kind", ["event", "signal"])
def test_what_happened_starts_what_waits_for_it_once_oldest_first(kind: str) -> None:
    field = "type" if kind == "event" else "name"
    workflow = flow(kind, **{field: "content.requested"})
    seen: Mapping[str, Any] = {f"{kind}s": [happened(number=2), happened("other", 3), happened(number=1)]}
    found = due(workflow, now="2026-02-10T07:00:00Z", **seen)
    assert [(f.kind, f.at) for f in found] == [(kind, "2026-02-01T00:00:00Z"), (kind, "2026-02-02T00:00:00Z")]
    assert due(workflow, now="2026-02-10T07:00:00Z", known_keys=[f.key for f in found], **seen) == []


@pytest.mark.parametrize("kind", ["event", "signal"])
def test_a_condition_is_asked_and_one_that_cannot_be_answered_is_a_no(kind: str) -> None:
    field = "type" if kind == "event" else "name"
    workflow = flow(kind, **{field: "content.requested", "when": f"{kind}.score > 0.5"})
    seen = [happened(number=1, score=0.9), happened(number=2, score=0.1), happened(number=3)]
    told: Mapping[str, Any] = {f"{kind}s": seen}
    assert [f.at[:10] for f in due(workflow, now="2026-02-10T07:00:00Z", **told)] == ["2026-02-01"]


def test_inputs_are_made_from_what_happened_and_never_rendered_twice() -> None:
    workflow = flow("event", type="content.requested", inputs={"topic": "On ${{ event.topic }}"})
    (found,) = due(workflow, now="2026-02-10T07:00:00Z", events=[happened(topic="${{ secrets }}")])
    assert found.inputs == {"topic": "On ${{ secrets }}"}
    plain = flow("signal", name="content.requested")
    (found,) = due(
        plain, now="2026-02-10T07:00:00Z", signals=[happened(inputs={"topic": "x", "other": 1}, why="rising")]
    )
    assert (found.inputs, found.why) == ({"topic": "x"}, "rising")


def test_inputs_that_cannot_be_made_are_a_problem_of_that_start_alone() -> None:
    workflow = flow("event", type="content.requested", inputs={"topic": "${{ event.topic }}"})
    bad, good = due(workflow, now="2026-02-10T07:00:00Z", events=[happened(number=1), happened(number=2, topic="x")])
    assert bad.problem.startswith("its inputs cannot be made: there is no `topic` in `event.topic`")
    assert (good.problem, good.inputs) == ("", {"topic": "x"})
