"""Reading the log of 100,000 commits: every event with its changed paths and their contents before and after.

Peers in the same run: `git fast-export` of the same history to nowhere, and GitPython over a part of it.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path

from tests.benchmarks.durable_step import Row
from tests.benchmarks.long_history import make

COMMITS = int(os.environ.get("AIOS_BENCHMARK_COMMITS", "100000"))
SAMPLE = 1_500  # commits that GitPython reads; it would take ten minutes for all of them
ROUNDS = 3


def run() -> list[Row]:
    with tempfile.TemporaryDirectory() as place:
        root = make(Path(place) / "company.git", commits=COMMITS)
        ours, exported = [], []
        for _ in range(ROUNDS):
            ours.append(measured("ours", root))
            exported.append(_export(root))
        python = measured("gitpython", root)
    best = max(each["per_second"] for each in ours)
    export = COMMITS / min(exported)
    return [
        Row("read log with contents, commits/s (peer: fast-export)", best, export, best / export, "≥ 0.75"),
        Row(
            "read log with contents, commits/s (peer: GitPython)",
            best,
            python["per_second"],
            best / python["per_second"],
            "≥ 60",
        ),
        Row(
            "read log, peak memory MB (peer: GitPython)", ours[0]["mb"], python["mb"], ours[0]["mb"] / python["mb"], ""
        ),
    ]


def _export(root: Path) -> float:
    start = time.perf_counter()
    with Path(os.devnull).open("wb") as nowhere:
        subprocess.run(
            ["git", "-C", str(root), "fast-export", "--show-original-ids", "main"], stdout=nowhere, check=True
        )
    return time.perf_counter() - start


def measured(name: str, root: Path) -> dict[str, float]:
    """One of `WORK` in a process of its own: commits (or rows) a second, and the most memory it took."""
    command = [sys.executable, "-m", "tests.benchmarks.read_log", name, str(root)]
    told: dict[str, float] = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    return told


def _ours(root: Path) -> int:
    from aios.store.git import Git
    from aios.store.log import read_events

    count = 0
    with Git(root) as git:
        told = read_events(git, until="main")
        met: dict[str, bytes] = {}
        while batch := list(islice(told, 512)):
            blobs = {blob: None for event in batch for c in event.changes for blob in (c.before, c.after) if blob}
            met = {blob: met[blob] for blob in blobs if blob in met} | dict(git.blobs(b for b in blobs if b not in met))
            count += len(batch)
    return count


def _gitpython(root: Path) -> int:
    from git import NULL_TREE, Repo

    count = 0
    for commit in Repo(root).iter_commits("main", max_count=SAMPLE):
        for change in commit.diff(commit.parents[0] if commit.parents else NULL_TREE, R=True):
            for blob in (change.a_blob, change.b_blob):
                if blob is not None:
                    blob.data_stream.read()
        count += 1
    return count


WORK: dict[str, Callable[[Path], int]] = {"ours": _ours, "gitpython": _gitpython}


def _main(name: str, root: str) -> None:
    start = time.perf_counter()
    count = WORK[name](Path(root))
    seconds = time.perf_counter() - start
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    sys.stdout.write(json.dumps({"per_second": count / seconds, "mb": most}))


if __name__ == "__main__":
    _main(*sys.argv[1:])
