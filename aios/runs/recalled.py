"""How often agents recalled each note, as their context manifests tell."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field

from aios.domain.names import MEMORY, TRACES
from aios.store.git import Git

_CONTEXT = "context/"


@dataclass(frozen=True, slots=True)
class Recalled:
    """Calls of agents that found each note, by path; `calls` counts all that asked memory for anything.

    Equal calls over equal files leave one manifest and count once.
    """

    notes: Counter[str] = field(default_factory=Counter)
    calls: int = 0


def recalled_notes(git: Git) -> Recalled:
    """From all manifests on `aios/traces`; those stay when recordings are pruned."""
    tip = git.rev(TRACES)
    if tip is None:
        return Recalled()
    listed = git.run("ls-tree", "-r", "-z", "--full-tree", tip, _CONTEXT).split(b"\0")
    notes: Counter[str] = Counter()
    calls = 0
    for _, content in git.blobs(line.split(b"\t")[0].split()[2].decode() for line in listed if line):
        saw = json.loads(content).get("manifest") if b'"recalled":{"' in content else None  # most asked nothing
        found = saw.get("recalled") if isinstance(saw, dict) else None
        if isinstance(found, dict):
            calls += 1
            notes.update({place.rpartition(":")[0] for place in found if place.startswith(MEMORY)})
    return Recalled(notes, calls)
