"""Two years of a company's memory, quarter by quarter: `python -m tests.benchmarks memory_years`, three minutes or so.

More than 2,500 runs of a company that compacts its memory every four weeks under its policy; the peer is the same
company that never does. Of each quarter: notes, the index on disk, what a question costs, what an agent on a model is
given to read at the start of a call, and how many questions on facts of all ages find their answer's figure among ten
passages: also the figures of notes that were folded long ago.
"""

from __future__ import annotations

import random
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.benchmarks.durable_step import Row
from tests.benchmarks.living_company import Company

QUARTER = 91  # days
QUARTERS = 8
ASKED = 100
FIGURES = {
    "notes": ("notes (peer: never compacted)", ""),
    "mb": ("index, MB", "≤ peer"),
    "ms": ("recall p50, CPU ms", "≤ peer"),
    "context": ("context of an agent's call, tokens", "≤ 12000"),
    "found": (f"questions answered, of {ASKED}", "≥ 0.95 × peer"),
}


def run() -> Iterator[Row]:
    chance = random.Random(3)
    with tempfile.TemporaryDirectory() as place:
        ours = Company(Path(place) / "compacted.sqlite", is_compacted=True)
        peer = Company(Path(place) / "never.sqlite", is_compacted=False)
        for quarter in range(1, QUARTERS + 1):
            days = range((quarter - 1) * QUARTER, quarter * QUARTER)
            for day in days:
                ours.live(day)
                peer.live(day)
            asked = chance.sample(list(ours.facts.values()), ASKED)
            one, other = (company.look(days[-1], asked) for company in (ours, peer))
            for name, (what, target) in FIGURES.items():
                label = f"after {3 * quarter} months, {one['runs']:,} runs: {what}"
                yield Row(label, one[name], other[name], one[name] / other[name], target)
