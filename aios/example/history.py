"""How the example company came to be: its files, told as the commits that led to them.

The last form of each file is the file in the repository, byte by byte.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from aios.domain.event import EventNote, render_message
from aios.domain.record import Where, ref_of
from aios.domain.tree import Changeset
from aios.errors import CorruptError
from aios.example.files import OPERATOR, company_files, machinery
from aios.example.growth import FIRST, GROWTH, TOOLS, Stage, day_of
from aios.store.commits import Draft, commit_many
from aios.store.documents import parse
from aios.store.edit import edit
from aios.store.git import Git

MONITOR = "agent:monitor@1"


@dataclass(frozen=True, slots=True)
class Change:
    """Files as they became on a day. Without `message` it is told as a hand edit of the one file it has."""

    day: date
    files: Changeset
    message: str


def build(git: Git, branch: str) -> None:
    """Commit the whole history to a branch that has none. The same files give the same commits."""
    drafts = [
        Draft(change.message, change.files, _moment(change.day, number), *OPERATOR)
        for number, change in enumerate(sorted(_changes(company_files()), key=lambda change: change.day))
    ]
    commit_many(git, branch, drafts, expected=None)


def _changes(files: Mapping[str, bytes]) -> Iterator[Change]:
    weeks: dict[date, dict[str, bytes]] = {}
    tools = machinery(files)
    grown = {path: content for path, content in files.items() if _directory(path) in GROWTH and path not in tools}
    for path, content in grown.items():
        grow = GROWTH[_directory(path)]
        document, _ = parse(path, content)
        if document is None:
            raise CorruptError(f"{path} of the example company cannot be read")
        if _directory(path) == "metrics":
            weeks.setdefault(day_of(document, "recorded"), {})[path] = content
            continue
        yield from _stages(path, content, grow(document))
    for day, week in weeks.items():
        yield Change(day + timedelta(days=1), week, _counted(day, week))
    tools = {path: content for path, content in files.items() if path not in grown}
    for day, title, paths in _equipment(tools):
        yield Change(day, {path: tools[path] for path in paths}, title)


def _stages(path: str, content: bytes, stages: list[Stage]) -> Iterator[Change]:
    text, before = content.decode(), ""
    for number, stage in enumerate(stages):
        last = number == len(stages) - 1
        now = text if last else edit(text, _changes_of(stage), body=stage.body)
        if now != before:
            yield Change(stage.day, {path: now.encode()}, f"{stage.said}\n")
        before = now


def _changes_of(stage: Stage) -> dict[Where | str, Any]:
    return dict(stage.differs.items())


def _directory(path: str) -> str:
    """What kind of file it is: the directory below `state/`, or `memory` for a note (not for what rules memory)."""
    parts = path.split("/")
    if parts[0] == "state":
        return parts[1].removesuffix(".yaml")
    return parts[0] if len(parts) > 2 else ""


def _moment(day: date, number: int) -> str:
    """A plausible moment of a day; later commits of a day never come before earlier ones."""
    return (datetime.combine(day, time(7), UTC) + timedelta(minutes=number % 600, seconds=number % 47)).isoformat()


def _counted(day: date, week: Mapping[str, bytes]) -> str:
    return render_message(
        EventNote(
            type="metrics.recorded",
            title=f"{len(week) - 1} pieces, the week to {day.isoformat()}",
            records=tuple(ref_of(path) for path in sorted(week)),
            actor=MONITOR,
        )
    )


def _equipment(tools: Mapping[str, bytes]) -> Iterator[tuple[date, str, list[str]]]:
    """The machinery, as it was brought in."""
    steps = (
        (FIRST, "Say what a record looks like", "state/schemas/"),
        (TOOLS, "Agents that propose: contracts and instructions", "state/agents/"),
        (TOOLS, "What the agents are held to", "state/cases/"),
        (TOOLS, "What is asked, and what merges by itself", "state/policies/"),
        (TOOLS, "How the site and its log are reached", "state/connectors/"),
        (TOOLS, "How a piece is made and watched", "workflows/"),
        (TOOLS, "What memory keeps, and what it must find", "memory/"),
    )
    told: set[str] = set()
    for day, title, folder in steps:
        paths = [path for path in tools if path.startswith(folder)]
        told.update(paths)
        yield day, f"{title}\n", paths
    rest = [path for path in tools if path not in told]
    if rest:
        yield TOOLS, "Check every record on every push\n", rest
