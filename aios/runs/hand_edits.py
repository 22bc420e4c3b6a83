"""The operator's share in a run: how long its proposals lay open, and how much of them was changed by hand."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from aios.domain.event import Event
from aios.proposals.distance import characters_changed
from aios.runs.context import AIOS_EMAIL, Context
from aios.runs.history import APPROVED, OPENED, REFRESHED, REJECTED, REVISED, utc
from aios.runs.session import events_of
from aios.store.git import Git
from aios.store.trees import changed_paths

POLICY = "policy"  # the actor of what merged by itself
_RUNS = "state/runs/"


def operators_share(
    context: Context, run: str, head: str, *, at: str, actor: str, before: object, main: str = ""
) -> dict[str, Any]:
    """`operator` for the run record, at a decision that is about to be made by `actor`; `main` is main as it was when
    the branch was merged, where it was already.

    `before` is what the record told so far (of an earlier gate). Waiting is counted from when a proposal was first
    shown to when it was decided or sent back; what a policy merged by itself waited for nobody.
    """
    events = events_of(context.git, run, main=context.main)
    waits, revisions = _waits(events, at, actor)
    edited = _edited(context.git, main or context.main, head)
    told = before if isinstance(before, Mapping) else {}
    earlier, named = told.get("characters"), told.get("files")
    files = {*(map(str, named) if isinstance(named, list) else ()), *edited}
    return {
        "decisions": len(waits) - revisions,
        "revisions": revisions,
        "waited": sum(waits),
        "characters": sum(edited.values()) + (earlier if isinstance(earlier, int) else 0),
        **({"files": sorted(files)} if files else {}),
    }


def _waits(events: list[Event], at: str, actor: str) -> tuple[list[int], int]:
    """Seconds of each wait for the operator, the one that ends now included; and how many ended in a revision."""
    waits: list[int] = []
    opened, revisions = "", 0
    for event in events:
        if event.type in {OPENED, REFRESHED}:
            opened = opened or utc(event.at)
        elif event.type in {APPROVED, REJECTED, REVISED} and opened:
            if not event.actor.startswith(POLICY):
                waits.append(_seconds(opened, utc(event.at)))
                revisions += event.type == REVISED
            opened = ""
    if opened and not actor.startswith(POLICY):
        waits.append(_seconds(opened, at))
    return waits, revisions


def _seconds(start: str, end: str) -> int:
    return max(0, round((datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds()))


def _edited(git: Git, main: str, head: str) -> dict[str, int]:
    """Path → characters that commits by hand changed on the branch. Commits in a row count as what they come to."""
    base = git.merge_base(main, head)
    if base is None:
        return {}
    found: dict[str, int] = {}
    text = git.text("log", "--first-parent", "--reverse", "--format=%H%x00%P%x00%ae", f"{base}..{head}", "--")
    rows = [line.split("\0") for line in text.splitlines()]
    place = 0
    while place < len(rows):
        first = place
        while place < len(rows) and _by_hand(rows[place]):
            place += 1
        if place > first:
            for path, changed in _changed(git, rows[first][1], rows[place - 1][0]):
                found[path] = found.get(path, 0) + changed
        place += place == first
    return found


def _by_hand(row: list[str]) -> bool:
    """A commit that is neither ours nor a merge (bringing main in is no edit)."""
    return row[2] != AIOS_EMAIL and " " not in row[1]


def _changed(git: Git, before: str, after: str) -> list[tuple[str, int]]:
    changes = [change for change in changed_paths(git, before, after) if not change.path.startswith(_RUNS)]
    return [
        (change.path, characters_changed(_text(git, change.before), _text(git, change.after))) for change in changes
    ]


def _text(git: Git, blob: str) -> str:
    return (git.read_blob(blob) or b"").decode(errors="replace") if blob else ""
