"""What is known of a run before a handoff: from commits that were here already, never from the handoff."""

from __future__ import annotations

from collections.abc import Iterator

from aios.domain.event import Event
from aios.domain.handoff import Order
from aios.runs.beginnings import begins_at
from aios.runs.context import AIOS_EMAIL
from aios.runs.history import STARTED
from aios.store.git import Git
from aios.store.log import read_events
from aios.store.written import written

__all__ = ["begins_at", "edited_by_hand", "events_before"]


def events_before(git: Git, order: Order) -> Iterator[Event]:
    """The run's events on the order's main and tip, oldest first."""
    own: list[Event] = []
    if order.tip:
        base = git.merge_base(order.main, order.tip)
        own = list(read_events(git, since=base, until=order.tip, run=order.run))
    if not any(event.type == STARTED for event in own):
        yield from read_events(git, until=order.main, run=order.run)
    yield from own


def edited_by_hand(git: Git, order: Order, base: str) -> frozenset[str]:
    """Paths that somebody else than aios changed on the branch."""
    if not order.tip or not base:
        return frozenset()
    found = written(git, base, order.tip)
    return frozenset(path for each in found if each.author != AIOS_EMAIL for path in each.paths)
