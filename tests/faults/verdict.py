"""What must hold of a cell, and where a second delivery is a second act, which nobody but the service could prevent."""

from __future__ import annotations

from collections.abc import Mapping

from tests.faults.matrix import RECOVERING, Cell, Column
from tests.faults.proxy import Fault

# (case, capability) → why. The network, not we, delivers the request once more; only the service could tell.
REPEATS: Mapping[tuple[str, str], str] = {
    ("notes, a look-up only", "note.add"): "it takes no idempotency key",
    ("notes, neither", "note.add"): "it takes no idempotency key",
}


def wrong(column: Column, boundary: str, fault: Fault, cell: Cell) -> list[str]:
    """What does not hold, in words; nothing where all is well."""
    found = []
    offered = column.capability
    silent = (boundary, fault) in RECOVERING and not offered.authoritative  # nobody is asked: nothing can fail
    if cell.died != (boundary != "not killed"):
        found.append("the process did not die there")
    if not cell.failed and not silent:
        found.append("the fault did not happen")
    again = fault is Fault.TWICE and (column.name, offered.name) in REPEATS
    if cell.seen != (2 if again else 1):
        found.append(f"the service did it {cell.seen} times")
    if (cell.books.status, cell.books.events, cell.books.open) != ("done", 1, 0) or not cell.how:
        found.append(f"the books are not closed: {cell.books} {cell.why}")
    if cell.asked > (0 if offered.authoritative else 2):  # once for the death, once for the fault
        found.append(f"asked {cell.asked} times")
    return found
