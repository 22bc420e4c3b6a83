"""A decision said somewhere else than at a command line: by whom, where, and the key by which it counts once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aios.domain.event import OPERATOR
from aios.domain.names import branch_of
from aios.runs.context import Context
from aios.runs.history import fact_of_event, fact_of_message
from aios.runs.session import facts_of
from aios.store.log import read_events
from aios.store.runlog import pending


@dataclass(frozen=True, slots=True)
class Said:
    """`actor` is as in `Aios-Actor`; `url` where it was said, `digest` an imprint of the words as they were then."""

    actor: str
    key: str
    url: str = ""
    digest: str = ""

    @property
    def told(self) -> dict[str, Any]:
        """For the event's output."""
        return {"said": {"url": self.url, "digest": self.digest}}


def actor_of(context: Context, said: Said | None) -> str:
    return said.actor if said else f"{OPERATOR}:{context.operator.email}"


def output_of(said: Said | None) -> Mapping[str, Any]:
    return said.told if said else {}


def keys_of(context: Context, run: str) -> dict[str, Mapping[str, Any]]:
    """The keys of all that a run's log tells, its journal included, with what was said (nothing, where it was not)."""
    waiting = pending(context.git).get(f"refs/heads/{branch_of(run)}")
    facts = facts_of(context.git, run, main=context.main)
    # Also where a kill left the branch of a run that main tells as over already.
    facts += [fact_of_event(event) for event in read_events(context.git, until=context.main, run=run)]
    facts += [fact_of_message(entry.draft.message, entry.draft.at) for entry in (waiting.entries if waiting else ())]
    found: dict[str, Mapping[str, Any]] = {}
    for fact in facts:
        said = fact.output.get("said") if isinstance(fact.output, Mapping) else None
        found[fact.key] = said if isinstance(said, Mapping) else {}
    return found


def was_said(context: Context, run: str, said: Said | None) -> bool:
    return said is not None and said.key in keys_of(context, run)
