"""Building the projection of 100,000 commits, and keeping it up to date. The peer reads the same history to nowhere."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.benchmarks.durable_step import Row
from tests.benchmarks.long_history import extend, make
from tests.benchmarks.read_log import COMMITS


def run() -> list[Row]:
    with tempfile.TemporaryDirectory() as place:
        root, file = make(Path(place) / "company.git", commits=COMMITS), Path(place) / "projection.sqlite"
        built = _refresh(root, file)
        peer = _to_nowhere(root)
        hundred: list[float] = []
        one: list[float] = []
        none: list[float] = []
        for number in range(7):
            for commits, times in ((100, hundred), (1, one), (0, none)):
                if commits:
                    extend(root, commits=commits, number=COMMITS + 1_000 * number + commits)
                times.append(_refresh(root, file)["ms"])
    return [
        Row(
            f"projection of {COMMITS:,} commits, s (peer: fast-export)",
            built["ms"] / 1000,
            peer,
            built["ms"] / 1000 / peer,
            "≤ 15 s",
        ),
        Row("projection, peak memory MB", built["mb"], None, None, ""),
        Row("projection, 100 new commits, ms", sorted(hundred)[3], None, None, "≤ 60 ms"),
        Row("projection, 1 new commit, ms", sorted(one)[3], None, None, ""),
        Row("projection, nothing new, ms", sorted(none)[3], None, None, ""),
    ]


def _to_nowhere(root: Path) -> float:
    start = time.perf_counter()
    with Path(os.devnull).open("wb") as nowhere:
        subprocess.run(
            ["git", "-C", str(root), "fast-export", "--show-original-ids", "main"], stdout=nowhere, check=True
        )
    return time.perf_counter() - start


def _refresh(root: Path, file: Path) -> dict[str, float]:
    command = [sys.executable, "-m", "tests.benchmarks.projection", str(root), str(file)]
    told: dict[str, float] = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    return told


def _main(root: str, file: str) -> None:
    from aios.projections import Projection
    from aios.store.git import Git

    with Git(Path(root)) as git:
        start = time.perf_counter()
        Projection(Path(file), git, "main").refresh()
        took = time.perf_counter() - start
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    sys.stdout.write(json.dumps({"ms": took * 1000, "mb": most}))


if __name__ == "__main__":
    _main(*sys.argv[1:])
