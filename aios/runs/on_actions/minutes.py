"""How many minutes of Actions a month of a company takes, as far as its files tell. Pure, and said with what it
assumes: GitHub rounds every job up to a whole minute, and this takes one minute for each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from aios.domain.workflow import StepKind, Workflow
from aios.runs.on_actions.crons import Line

FREE = 2_000  # a month, for private repositories of a free account; public ones are not counted
ASSUMED = (
    "each job takes one minute (GitHub rounds up; with a slow model it takes longer), and each scheduled run ends in a "
    "proposal that you merge"
)
_MONTH = timedelta(days=30)
_START = datetime(2026, 6, 1, tzinfo=UTC)
_MOST = 10_000


@dataclass(frozen=True, slots=True)
class Item:
    """`times` in 30 days, `jobs` each time."""

    what: str
    times: int
    jobs: int

    @property
    def minutes(self) -> int:
        return self.times * self.jobs


def estimate(schedules: Sequence[Line], workflows: Iterable[Workflow], timezone: str) -> list[Item]:
    """What costs minutes, with nothing that a person starts."""
    items = [Item("the schedule fires: what was said, what is due", sum(_times(each) for each in schedules), 2)]
    merges = 0
    for workflow in workflows:
        due = sum(
            _times(Line(str(trigger.spec.get("cron", "")), str(trigger.spec.get("timezone") or timezone), ()))
            for trigger in workflow.triggers
            if trigger.kind == "schedule"
        )
        if due:
            reads = any(step.kind is StepKind.COLLECT for step in workflow.steps.values())
            items.append(Item(f"{workflow.name} works and proposes", due, 4 if reads else 3))
            merges += due
    if merges:
        items.append(Item("you merge or answer: apply, refresh, dashboard", merges, 3))
    items.append(Item("what had to wait is looked at", 30, 1))
    return items


def _times(line: Line) -> int:
    from cronsim import CronSim, CronSimError

    try:
        occurrences = CronSim(line.cron, _START.astimezone(ZoneInfo(line.timezone)))
    except (CronSimError, KeyError, OSError, ValueError):
        return 0
    count = 0
    for each in occurrences:
        if each.astimezone(UTC) >= _START + _MONTH or count >= _MOST:
            break
        count += 1
    return count
