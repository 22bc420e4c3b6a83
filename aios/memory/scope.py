"""What belongs to memory, and until when it holds.

Memory covers notes and every record that reads like something one would want to know again. What the machinery writes
for itself (runs, metrics, signals, evidence), what decides (agents, policies, connectors, schemas) and what is made up
to try agents (cases) is not recalled.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, time

from aios.domain.names import MEMORY

STATE = "state/"
DIRECTORIES = (MEMORY, STATE)
SUMMARY = "summary"  # the kind of note whose passages were notes of their own
NOT_RECALLED = ("runs", "metrics", "signals", "evidence", "agents", "policies", "connectors", "schemas", "cases")
_SKIPPED = tuple(f"{STATE}{name}/" for name in NOT_RECALLED)
_SURROGATE = re.compile("[\ud800-\udfff]")


def is_recalled(path: str) -> bool:
    """Is this file part of memory at all? One whose name is no text (odd bytes, kept as surrogates) is not."""
    if not path.isascii() and _SURROGATE.search(path):
        return False
    if path.startswith(MEMORY):
        return path.endswith(".md")
    return path.startswith(STATE) and path.endswith((".md", ".yaml")) and not path.startswith(_SKIPPED)


def moment(text: str) -> float | None:
    """A date (its end) or date-time as POSIX time, UTC where no offset is given; None where it is neither."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    if len(text) <= len("2026-01-01"):
        at = datetime.combine(at, time.max)
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
