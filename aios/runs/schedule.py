"""What is due: schedules, events and signals turned into firings with keys that make each start its run once. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from aios.domain.keys import key_of
from aios.domain.workflow import Trigger, Workflow
from aios.expressions import ExpressionError, evaluate_bool, render

# How far back a missed occurrence of a schedule is looked for; only the latest one is started.
LOOK_BACK = timedelta(days=35)
# Where clocks are set back, an hour comes twice: look from beyond it, lest the first of both is overlooked.
_FOLD = timedelta(hours=3)


@dataclass(frozen=True, slots=True)
class Firing:
    """One start that is due. `key` is the trigger key, `at` the moment it stands for (ISO 8601, UTC).

    `problem` says why it cannot be started: its inputs could not be made from what happened.
    """

    workflow: str
    kind: str
    key: str
    at: str
    inputs: Mapping[str, Any]
    why: str
    problem: str = ""

    def trigger(self) -> dict[str, Any]:
        return {"kind": self.kind, "key": self.key, "at": self.at, "why": self.why}


@dataclass(frozen=True, slots=True)
class Occurred:
    """An event or an open signal as triggers see it: `id` is the commit or the signal's id."""

    id: str
    type: str
    at: str
    data: Mapping[str, Any]


def due_triggers(
    workflows: Iterable[Workflow],
    *,
    now: str,
    since: str,
    events: Sequence[Occurred] = (),
    signals: Sequence[Occurred] = (),
    known_keys: Collection[str] = (),
    timezone: str = "UTC",
) -> list[Firing]:
    """All firings that are due and whose keys are not known yet, oldest first, each key once.

    `since` bounds how far back a schedule is looked at: a workflow that is new today owes nothing for last month.
    `timezone` is that of schedules that name none.
    """
    found: dict[str, Firing] = {}
    known = frozenset(known_keys)
    for workflow in workflows:
        for trigger in workflow.triggers:
            for firing in _firings(workflow, trigger, now, since, events, signals, timezone):
                if firing.key not in known:
                    found.setdefault(firing.key, firing)
    return sorted(found.values(), key=lambda firing: (_moment(firing.at), firing.workflow, firing.key))


def latest(cron: str, timezone: str, *, now: datetime, since: datetime) -> datetime | None:
    """The latest occurrence in (since, now], UTC; None where there is none. ValueError for a wrong cron or zone.

    What falls into the hour that spring leaves out comes when that hour is over; what falls into the hour that autumn
    repeats comes once, unless the schedule names every hour.
    """
    for occurrence in _occurrences(cron, timezone, now + _FOLD, reverse=True):
        moment = occurrence.astimezone(UTC)
        if moment <= since:
            return None
        if moment <= now:
            return moment
    return None


def upcoming(cron: str, timezone: str, *, now: datetime) -> datetime | None:
    """The first occurrence after `now`, UTC; None where there is none. ValueError for a wrong cron or zone."""
    occurrences = (each.astimezone(UTC) for each in _occurrences(cron, timezone, now))
    return next((moment for moment in occurrences if moment > now), None)


def _occurrences(cron: str, timezone: str, start: datetime, *, reverse: bool = False) -> Iterator[datetime]:
    from zoneinfo import ZoneInfo

    from cronsim import CronSim, CronSimError

    if len(cron.split()) != 5:
        raise ValueError(f"`{cron[:60]}` is no schedule: it has {len(cron.split())} fields, not five")
    try:
        zone = ZoneInfo(timezone)
    except (KeyError, OSError, ValueError) as error:
        raise ValueError(f"unknown time zone `{timezone[:60]}`") from error
    try:
        return CronSim(cron, start.astimezone(zone), reverse=reverse)
    except CronSimError as error:
        raise ValueError(f"`{cron[:60]}` is no schedule: {error}") from error


def _firings(
    workflow: Workflow,
    trigger: Trigger,
    now: str,
    since: str,
    events: Sequence[Occurred],
    signals: Sequence[Occurred],
    timezone: str,
) -> list[Firing]:
    spec = trigger.spec
    if trigger.kind == "schedule":
        return _scheduled(workflow, spec, now, since, timezone)
    if trigger.kind == "event":
        return [
            _by(workflow, spec, "event", each, f"{each.type} in {each.id[:10]}")
            for each in events
            if each.type == spec.get("type") and _wanted(spec, "event", each)
        ]
    if trigger.kind == "signal":
        return [
            _by(workflow, spec, "signal", each, str(each.data.get("why") or f"the signal {each.id}"))
            for each in signals
            if each.type == spec.get("name") and _wanted(spec, "signal", each)
        ]
    return []


def _scheduled(workflow: Workflow, spec: Mapping[str, Any], now: str, since: str, timezone: str) -> list[Firing]:
    moment = _moment(now)
    bound = max(_moment(since), moment - LOOK_BACK)
    cron, zone = str(spec.get("cron", "")), str(spec.get("timezone") or timezone)
    try:
        due = latest(cron, zone, now=moment, since=bound)
    except ValueError:
        return []  # `aios check` tells; nothing else is held up by it
    if due is None:
        return []
    at = due.strftime("%Y-%m-%dT%H:%M:%SZ")
    key = key_of("trigger", workflow.name, "schedule", at)
    return [Firing(workflow.name, "schedule", key, at, dict(spec.get("inputs") or {}), f"`{cron}` ({zone})")]


def _wanted(spec: Mapping[str, Any], kind: str, happened: Occurred) -> bool:
    condition = spec.get("when")
    try:
        return not condition or evaluate_bool(str(condition), {kind: dict(happened.data)})
    except ExpressionError:
        return False  # it has not what the condition asks for


def _by(workflow: Workflow, spec: Mapping[str, Any], kind: str, happened: Occurred, why: str) -> Firing:
    key = key_of("trigger", workflow.name, kind, happened.id)
    try:
        inputs = _inputs(workflow, spec, {kind: dict(happened.data)}, happened.data.get("inputs"))
    except ExpressionError as error:
        return Firing(workflow.name, kind, key, happened.at, {}, why, f"its inputs cannot be made: {error}")
    return Firing(workflow.name, kind, key, happened.at, inputs, why)


def _inputs(workflow: Workflow, spec: Mapping[str, Any], values: Mapping[str, Any], given: Any) -> dict[str, Any]:
    declared = spec.get("inputs")
    if isinstance(declared, Mapping):
        rendered: dict[str, Any] = render(declared, values)
        return rendered
    given = given if isinstance(given, Mapping) else {}
    return {name: value for name, value in given.items() if name in workflow.inputs}


def _moment(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)
