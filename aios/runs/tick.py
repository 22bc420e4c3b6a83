"""What `aios tick` does: find what is due, start each once, and go on with what waited for its time."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta

from aios.domain.record import Record
from aios.errors import AiosError
from aios.runs.context import Context
from aios.runs.definitions import check_workflows
from aios.runs.history import STARTED
from aios.runs.inbox import Item, open_runs
from aios.runs.schedule import LOOK_BACK, Firing, Occurred, due_triggers
from aios.runs.session import facts_of
from aios.runs.start import start_run
from aios.store.catalog import Catalog
from aios.store.log import read_events
from aios.store.trees import CommitTree

# Events older than this no longer start anything: what nobody acted on for so long is history.
EVENT_AGE = timedelta(days=14)


def due_now(context: Context, known: Iterable[str]) -> list[Firing]:
    """All that is due and has no run yet. `known` are the trigger keys of runs that main tells of."""
    tree = CommitTree(context.git, context.main)
    workflows, _ = check_workflows(tree, context.connectors(tree))
    now = context.now()
    wanted = {str(t.spec.get("type")) for w in workflows.values() for t in w.triggers if t.kind == "event"}
    catalog = Catalog(tree)
    company = catalog.get("company", "company")
    return due_triggers(
        workflows.values(),
        now=now,
        since=_founded(context),
        events=_events(context, wanted) if wanted else (),
        signals=[_signal(record) for record in catalog.records("signal") if record.get("status") == "open"],
        known_keys={*known, *_open_keys(context)},
        timezone=str(company.get("timezone") or "UTC") if company else "UTC",
    )


def start_due(context: Context, firings: Iterable[Firing], say: Callable[[str], None]) -> list[str]:
    """Start what is due; the runs. One that cannot be started is told and does not hold up the others."""
    started = []
    for firing in firings:
        if firing.problem:
            say(f"{firing.workflow} ({firing.why}) was not started: {firing.problem}")
            continue
        try:
            started.append(start_run(context, firing.workflow, dict(firing.inputs), trigger=firing.trigger()))
        except AiosError as error:
            say(f"{firing.workflow} ({firing.why}) was not started: {error}")
    return started


def timers(items: Iterable[Item], now: str) -> list[str]:
    """Runs whose wait is over, or that were interrupted."""
    waiting = [item for item in items if not item.held]
    return [each.run for each in waiting if each.kind == "interrupted" or (each.kind == "timer" and each.until <= now)]


def held_back(items: Iterable[Item], now: str) -> list[str]:
    """Runs whose approved effects were begun, had to wait, and may be tried again; not where the operator is needed."""
    return [item.run for item in items if item.held and item.kind in {"approved", "timer"} and item.until <= now]


def _founded(context: Context) -> str:
    """When the newest workflow came to be, as far as it matters: schedules owe nothing for the time before."""
    oldest = (context.clock().astimezone(UTC) - LOOK_BACK).isoformat()
    text = context.git.text("log", f"--since={oldest}", "--format=%cI", "--diff-filter=A", "--", "workflows/")
    return next(iter(text.splitlines()), oldest)


def _events(context: Context, types: set[str]) -> list[Occurred]:
    oldest = context.clock().astimezone(UTC) - EVENT_AGE
    found = []
    for event in read_events(context.git, until=context.main, newer=oldest.isoformat()):
        if types.intersection(event.types) and datetime.fromisoformat(event.at) >= oldest:
            data = {
                "type": event.type,
                "records": list(event.records),
                "inputs": event.output or {},
                "actor": event.actor,
            }
            at = datetime.fromisoformat(event.at).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            found.append(Occurred(event.commit, event.type, at, data))
    return found


def _signal(record: Record) -> Occurred:
    at = str(record.get("raised", "")) or "1970-01-01T00:00:00Z"
    return Occurred(record.id, str(record.get("name", "")), at if "T" in at else f"{at}T00:00:00Z", record.data)


def _open_keys(context: Context) -> set[str]:
    """Trigger keys of runs that are on branches."""
    keys = set()
    for run in open_runs(context):
        for fact in facts_of(context.git, run, main=context.main):
            if fact.type == STARTED and isinstance(fact.output, dict):
                keys.add(str(fact.output.get("trigger", {}).get("key", "")))
    return keys
