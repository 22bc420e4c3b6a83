"""Memory: notes and records as passages, found again by their words. `Memory` answers, `notes` writes.

`Memory` is imported when it is first asked for: who only writes a note needs neither SQLite nor the store.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aios.memory.recall import Memory

__all__ = ["Memory"]


def __getattr__(name: str) -> Any:
    if name != "Memory":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from aios.memory.recall import Memory

    return Memory
