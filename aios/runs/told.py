"""What a run's log tells, with the commits that tell it and who did it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from aios.domain.event import OPERATOR, Event
from aios.domain.names import branch_of
from aios.runs.context import Context
from aios.runs.history import Fact, fact_of_event, fact_of_message
from aios.runs.session import events_of
from aios.store.runlog import pending

SECOND = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Told:
    """A fact with the commit that tells it (empty while it is only in the journal), who did it, and its title."""

    fact: Fact
    commit: str = ""
    actor: str = ""
    title: str = ""

    @property
    def at(self) -> int:
        return nanoseconds(self.fact.at)

    @property
    def data(self) -> Mapping[str, Any]:
        return self.fact.output if isinstance(self.fact.output, Mapping) else {}


def told_of(context: Context, run: str) -> list[Told]:
    """Everything that is told of a run, oldest first, its journal included."""
    git = context.git
    told = [
        Told(fact_of_event(event), event.commit, _actor(event), event.subject.partition(": ")[2])
        for event in events_of(git, run, main=context.main)
    ]
    waiting = pending(git).get(f"refs/heads/{branch_of(run)}")
    told += [
        Told(fact_of_message(entry.draft.message, entry.draft.at, paths=tuple(entry.draft.changes)))
        for entry in (waiting.entries if waiting else ())
    ]
    return told


def nanoseconds(at: str) -> int:
    """A moment as facts tell it (ISO 8601, to the second) in nanoseconds since 1970."""
    return int(datetime.fromisoformat(at).timestamp()) * SECOND


def _actor(event: Event) -> str:
    actor = event.actor
    return f"{OPERATOR}:{event.author_email}" if actor == OPERATOR and event.author_email else actor
