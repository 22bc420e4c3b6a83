"""What must hold of a cell, and where a second delivery is a second act, which nobody but the service could prevent."""

from __future__ import annotations

from collections.abc import Mapping

from tests.faults.matrix import RECOVERING, Cell, Column
from tests.faults.proxy import Fault

_KEYLESS = {Fault.TWICE: "it takes no idempotency key: what the network delivers twice is two notes"}
_KEPT = {Fault.TWICE: "MCP knows no idempotency key: this server's tools keep ours for their look-up only"}
# (case, capability) → fault → why. Not we but the network, or the service itself, makes two of one.
REPEATS: Mapping[tuple[str, str], Mapping[Fault, str]] = {
    ("notes, a look-up only", "note.add"): _KEYLESS,
    ("notes, neither", "note.add"): _KEYLESS,
    **{("mcp", name): _KEPT for name in ("notes.write", "notes.remove")},
    ("mail", "mail.send"): {
        Fault.TWICE: "SMTP knows no idempotency key: what a relay delivers twice is two copies of one Message-ID",
        # To ask instead would make a question of every mail that is put off for a minute, which is common.
        Fault.ERROR_AFTER: "it took a message and answered 451, by RFC 5321 (4.2.1) its word that it did not",
    },
}


def repeats(column: Column, boundary: str, fault: Fault) -> bool:
    told = REPEATS.get((column.name, column.capability.name), {})
    unheard = boundary == "during act" and fault is Fault.ERROR_AFTER  # nobody lives to hear the wrong answer
    return fault in told and not unheard and (boundary, fault) not in RECOVERING


def wrong(column: Column, boundary: str, fault: Fault, cell: Cell) -> list[str]:
    """What does not hold, in words; nothing where all is well."""
    found = []
    offered = column.capability
    silent = (boundary, fault) in RECOVERING and not offered.authoritative  # nobody is asked: nothing can fail
    if cell.died != (boundary != "not killed"):
        found.append("the process did not die there")
    if not cell.failed and not silent:
        found.append("the fault did not happen")
    if cell.seen != (2 if repeats(column, boundary, fault) else 1):
        found.append(f"the service did it {cell.seen} times")
    if (cell.books.status, cell.books.events, cell.books.open) != ("done", 1, 0) or not cell.how:
        found.append(f"the books are not closed: {cell.books} {cell.why}")
    if cell.asked > (0 if offered.authoritative else 2):  # once for the death, once for the fault
        found.append(f"asked {cell.asked} times")
    return found
