"""What models cost and how they did, as the log tells it: the usage of steps, on every branch and on closed ones."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from aios.llm.spending import Amount, Past
from aios.store.git import Git

_MOST = 10**12
_END, _NEXT = "\x1e", "\x1f"
_TRAILERS = ("Aios-Key", "Aios-Run", "Aios-Step", "Aios-Usage")


@dataclass(frozen=True, slots=True)
class Told:
    """The usage of one attempt. `usage` is as in `AgentReply`; `agent` stands in it as name@version."""

    at: datetime
    run: str
    step: str
    usage: Mapping[str, Any]

    @property
    def past(self) -> Past:
        tokens = sum(int(_number(self.usage.get(name))) for name in ("input", "output"))
        amount = Amount(_number(self.usage.get("usd")), tokens)
        return Past(self.at, self.run, self.step, str(self.usage.get("agent", "")), amount)


def _number(value: Any) -> float:
    """What was spent; what tells of less than nothing, of everything or in words tells nothing."""
    return float(value) if isinstance(value, int | float) and 0 <= value <= _MOST else 0.0


def told_since(git: Git, since: str) -> Iterator[Told]:
    """Every attempt that asked a model since a moment (ISO 8601), each once, newest first."""
    values = [f"%(trailers:key={name},valueonly,separator=%x20)" for name in _TRAILERS]
    form = _NEXT.join(["%ct", *values]).replace(_NEXT, "%x1f") + "%x1e"
    asked = ["log", "--all", f"--since={since}", "--grep=^Aios-Usage: ", f"--format={form}"]
    known: set[str] = set()
    for line in git.text(*asked).split(_END):
        at, *rest = line.strip().split(_NEXT)
        if len(rest) != len(_TRAILERS) or rest[0] in known:
            continue
        key, run, step, usage = rest
        known |= {key} if key else set()
        try:
            found = json.loads(usage)
        except ValueError:
            continue
        if isinstance(found, Mapping):
            yield Told(datetime.fromtimestamp(int(at), UTC), run, step, found)


def quality(told: Iterator[Told], agent: str) -> dict[str, dict[str, int]]:
    """By tier, how often the agent's answers there were accepted by its contract (`right`), and how often not."""
    found: dict[str, dict[str, int]] = {}
    for each in told:
        tiers = each.usage.get("tiers")
        if each.usage.get("agent") != agent or not isinstance(tiers, Mapping):
            continue
        for tier, outcome in tiers.items():
            if outcome in {"right", "wrong"}:
                counts = found.setdefault(tier, {"right": 0, "wrong": 0})
                counts[outcome] += 1
    return found
