"""How what is wrong with a handoff is told: a finding with a rule `handoff.…`, the place, and what to do."""

from __future__ import annotations

from aios.domain.event import one_line
from aios.domain.finding import Finding

AGAIN = "the job that made it did something that it may not; look at its log, and run it again from the order"


def wrong(rule: str, place: str, message: str, hint: str = AGAIN) -> Finding:
    """`place` is a path or a commit, both as the handoff has them."""
    return Finding(one_line(place, 300), 0, 0, f"handoff.{rule}", one_line(message, 400), hint)


def short(commit: str) -> str:
    return f"commit {commit[:10]}"
