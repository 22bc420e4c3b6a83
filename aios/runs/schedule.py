"""What is due: schedules, events and signals turned into firings with keys that make each start its run once. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from aios.domain.keys import key_of
from aios.domain.workflow import Workflow
from aios.expressions import ExpressionError, evaluate_bool, render

# How far back a missed occurrence of a schedule is looked for; only the latest one is started.
LOOK_BACK = timedelta(days=35)


@dataclass(frozen=True, slots=True)
class Firing:
    """One start that is due. `key` is the trigger key, `at` the moment it stands for (ISO 8601, UTC)."""

    workflow: str
    kind: str
    key: str
    at: str
    inputs: Mapping[str, Any]
    why: str

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
) -> list[Firing]:
    """All firings that are due and whose keys are not known yet, oldest first.

    `since` bounds how far back a schedule is looked at: a workflow that is new today owes nothing for last month.
    """
    found: list[Firing] = []
    for workflow in workflows:
        for trigger in workflow.triggers:
            if trigger.kind == "schedule":
                found += _scheduled(workflow, trigger.spec, now, since)
            elif trigger.kind == "event":
                found += [_by_event(workflow, trigger.spec, each) for each in events if _wanted(trigger.spec, each)]
            elif trigger.kind == "signal":
                found += [
                    _by_signal(workflow, trigger.spec, each)
                    for each in signals
                    if each.type == trigger.spec.get("name")
                ]
    return sorted((f for f in found if f.key not in known_keys), key=lambda f: (f.at, f.workflow, f.key))


def latest(cron: str, timezone: str, *, now: datetime, since: datetime) -> datetime | None:
    """The latest occurrence in (since, now], UTC; None where there is none. ValueError for a wrong cron or zone."""
    from cronsim import CronSim, CronSimError

    try:
        zone = ZoneInfo(timezone)
        occurrences = CronSim(cron, now.astimezone(zone) + timedelta(minutes=1), reverse=True)
    except (KeyError, OSError) as error:
        raise ValueError(f"unknown time zone `{timezone}`") from error
    except CronSimError as error:
        raise ValueError(f"`{cron}` is no schedule: {error}") from error
    for occurrence in occurrences:
        moment = occurrence.astimezone(UTC)
        if moment <= since:
            return None
        if moment <= now:
            return moment
    return None


def _scheduled(workflow: Workflow, spec: Mapping[str, Any], now: str, since: str) -> list[Firing]:
    moment = _moment(now)
    bound = max(_moment(since), moment - LOOK_BACK)
    cron, zone = str(spec.get("cron", "")), str(spec.get("timezone", "UTC"))
    try:
        due = latest(cron, zone, now=moment, since=bound)
    except ValueError:
        return []  # `aios check` tells; nothing else is held up by it
    if due is None:
        return []
    at = due.strftime("%Y-%m-%dT%H:%M:%SZ")
    key = key_of("trigger", workflow.name, "schedule", at)
    return [Firing(workflow.name, "schedule", key, at, dict(spec.get("inputs") or {}), f"`{cron}` ({zone})")]


def _wanted(spec: Mapping[str, Any], event: Occurred) -> bool:
    if event.type != spec.get("type"):
        return False
    condition = spec.get("when")
    try:
        return not condition or evaluate_bool(str(condition), {"event": dict(event.data)})
    except ExpressionError:
        return False


def _by_event(workflow: Workflow, spec: Mapping[str, Any], event: Occurred) -> Firing:
    inputs = _inputs(workflow, spec, {"event": dict(event.data)}, event.data.get("inputs"))
    key = key_of("trigger", workflow.name, "event", event.id)
    return Firing(workflow.name, "event", key, event.at, inputs, f"{event.type} in {event.id[:10]}")


def _by_signal(workflow: Workflow, spec: Mapping[str, Any], signal: Occurred) -> Firing:
    inputs = _inputs(workflow, spec, {"signal": dict(signal.data)}, signal.data.get("inputs"))
    key = key_of("trigger", workflow.name, "signal", signal.id)
    return Firing(
        workflow.name, "signal", key, signal.at, inputs, str(signal.data.get("why") or f"the signal {signal.id}")
    )


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
