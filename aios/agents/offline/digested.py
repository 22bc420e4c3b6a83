"""What earlier pieces' plans tell of the sources: in which state each was read, and which note is on which place.

A plan lists what its planner read, each source with the state of its file (`x-read`), and names the places of each
question; the question's note lies at a path made of both. So the plans together are the index of what research holds,
and the next plan opens no note to say which one is on a place.

A source that no such plan read, or that has changed since, is fresh: the plan names it with every question that it may
have something on (`fresh`, empty where there is none), and the researcher looks there. Questions of a plan that has
nothing to go by do not say, and all is searched.

Counted are the plans of pieces that rest on a source of the new one; not those of this very run, nor those too old for
their notes to be taken on trust.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from aios.agents.offline.holdings import NOTES, At, too_old
from aios.agents.offline.material import SOURCES, STATE, id_of
from aios.agents.offline.research_note import note_path
from aios.domain.agent import AgentCall, Tools
from aios.domain.loose import mappings
from aios.domain.record import Record

READ = "x-read"
LOOKED = 24  # passages recalled for a question


@dataclass(frozen=True, slots=True)
class Digested:
    """`known` are the states (by source) in which earlier plans read sources; `notes` are the notes on their places."""

    known: Mapping[str, frozenset[str]]
    notes: Mapping[At, str]

    def knows(self, name: str, state: str) -> bool:
        return state[:STATE] in self.known.get(name, ())


def digested(call: AgentCall, tools: Tools, used: Iterable[str], states: Mapping[str, str]) -> Digested:
    """What plans of earlier pieces on any of the sources `used` tell; `states` (by id) are what this plan read."""
    exist = set(tools.paths(f"{NOTES}*.md"))
    mine = set(used)
    known: dict[str, set[str]] = {}
    notes: dict[At, str] = {}
    for piece in sorted(tools.records("content"), key=lambda piece: (str(piece.get("updated") or ""), piece.id)):
        if piece.get("run") == call.run or too_old(call, str(piece.get("updated") or "")):
            continue
        if mine.isdisjoint(map(str, piece.get("sources") or ())):
            continue
        then = read_states(piece.data)
        for name, state in then.items():
            known.setdefault(name, set()).add(state)
        same = {name for name, state in then.items() if states.get(name) == state}
        notes |= {at: path for at, path in _places(piece) if at[0] in same and path in exist}
    return Digested({name: frozenset(found) for name, found in known.items()}, notes)


def fresh(tools: Tools, before: Digested, question: str) -> list[str]:
    """Sources that memory recalls for a question and that no earlier plan read as they are now, by id."""
    hits = tools.recall(question, limit=LOOKED, kinds=("sources",))
    found = {id_of(hit.path): hit.blob for hit in hits if hit.path.startswith(SOURCES)}
    return sorted(name for name, state in found.items() if not before.knows(name, state))


def read_states(plan: Mapping[str, Any]) -> dict[str, str]:
    """What a plan's planner read: id of the source → state of its file."""
    told = plan.get(READ)
    return {str(name): str(state) for name, state in told.items()} if isinstance(told, Mapping) else {}


def _places(piece: Record) -> Iterator[tuple[At, str]]:
    for section in mappings(piece.get("outline")):
        for asked in mappings(section.get("questions")):
            for place in mappings(asked.get("material")):
                if isinstance(place.get("at"), int):
                    yield (str(place.get("source")), place["at"]), note_path(piece.id, str(asked.get("id")))
