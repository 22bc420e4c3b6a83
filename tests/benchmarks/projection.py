"""Building the projection of 100,000 commits, and keeping it up to date.

Peers in the same run: `git fast-export` of the same history to nowhere, and our own plain reading of it with all
contents, which keeps nothing.
"""

from __future__ import annotations

import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.benchmarks.durable_step import Row
from tests.benchmarks.long_history import extend, make
from tests.benchmarks.read_log import COMMITS, measured, to_nowhere

ROUNDS = 2


def run() -> list[Row]:
    with tempfile.TemporaryDirectory() as place:
        root, file = make(Path(place) / "company.git", commits=COMMITS), Path(place) / "projection.sqlite"
        exported, read, builds = [], [], []
        for _ in range(ROUNDS):
            exported.append(to_nowhere(root, "fast-export", "--show-original-ids"))
            read.append(COMMITS / measured("contents", root)["per_second"])
            for old in Path(place).glob("projection.sqlite*"):
                old.unlink()
            builds.append(_refresh(root, file))
        news: dict[int, list[float]] = {100: [], 1: [], 0: []}
        for number in range(7):
            for commits, times in news.items():
                if commits:
                    extend(root, commits=commits, number=COMMITS + 1_000 * number + commits)
                times.append(_refresh(root, file)["ms"])
    built, memory = min(each["ms"] for each in builds) / 1000, max(each["mb"] for each in builds)
    export, plain = min(exported), min(read)
    hundred, one, none = (statistics.median(times) for times in news.values())
    what = f"projection of {COMMITS:,} commits, s"
    return [
        Row(f"{what} (peer: fast-export)", built, export, built / export, "≤ 15 s"),
        Row(f"{what} (peer: plain reading)", built, plain, built / plain, ""),
        Row("projection, peak memory MB", memory, None, None, ""),
        Row("projection, 100 new commits, ms", hundred, None, None, "≤ 60 ms"),
        Row("projection, 1 new commit, ms", one, None, None, ""),
        Row("projection, nothing new, ms", none, None, None, ""),
    ]


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
