"""Simulated runs of a workflow: rows as the projection's table `work` gives them."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any

NOTHING_TOLD: dict[str, Any] = dict.fromkeys(
    (
        "words", "seconds", "wall", "calls", "avoided", "avoided_usd", "read_kb", "passages", "held", "questions",
        "searched", "from_notes", "headings", "kept", "lessons", "revisions", "edited", "waited",
    )
)  # fmt: skip


def row(number: int, *, workflow: str = "publish-content", subject: str = "", **told: Any) -> dict[str, Any]:
    subject = subject or f"piece-{number}"
    common = {
        "run": f"{workflow}/{subject}/{number:026d}",
        "workflow": workflow,
        "piece": f"content/{subject}",
        "status": "done",
        "started": f"2026-{1 + number // 28:02d}-{1 + number % 28:02d}T09:00:00Z",
        "usd": 0.0,
        "tokens": 0,
        "grew_from": "",
    }
    return {**NOTHING_TOLD, **common, **told}


def runs(shape: Sequence[float], *, seed: int = 1, noise: float = 0.15) -> list[dict[str, Any]]:
    """One run for each value of `shape`: what it cost, as a share of the first, give or take some noise.

    Words vary too, and the cost with them: per run nothing is comparable, per 100 words everything is.
    """
    chance = Random(seed)
    found = []
    for number, share in enumerate(shape):
        words = chance.randint(600, 1_400)
        cost = share * words / 100 * (1 + chance.uniform(-noise, noise))
        found.append(
            row(
                number,
                words=words,
                seconds=round(cost * 0.6, 3),
                tokens=round(cost * 1_200),
                usd=round(cost * 0.01, 6),
                calls=8,
                avoided=0,
                avoided_usd=0.0,
                read_kb=round(cost * 40, 1),
                passages=20,
                held=round(20 * max(0.0, 1 - share)),
                questions=7,
                searched=7,
                from_notes=round(7 * max(0.0, 1 - share)),
                headings=7,
                kept=0,
                lessons=2,
                revisions=0,
                edited=chance.randint(0, 40),
                waited=chance.randint(600, 7_200),
            )
        )
    return found
