"""Reading the log of 100,000 commits: every event with its changed paths, without and with the contents.

Peers in the same run: `git log` that prints the same facts to nowhere, `git fast-export` of the same history to
nowhere, and GitPython over a part of it.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections import OrderedDict
from collections.abc import Callable
from itertools import islice
from pathlib import Path

from tests.benchmarks.durable_step import Row
from tests.benchmarks.long_history import make

COMMITS = int(os.environ.get("AIOS_BENCHMARK_COMMITS", "100000"))
SAMPLE = 1_500  # commits that GitPython reads; it would take ten minutes for all of them
ROUNDS = 3
BATCH = 512  # commits whose contents are asked for at once
ROOM = 32 * 1024 * 1024  # bytes of contents that a reader remembers
_FACTS = "%H%x00%P%x00%aI%x00%an%x00%ae%x00%s%x00%b%x00%(trailers:only,unfold)"
_LOG = ("log", "-z", "--raw", "--no-abbrev", "-M", "--diff-merges=first-parent", "--reverse", f"--format={_FACTS}")
_EXPORT = ("fast-export", "--show-original-ids")


def run() -> list[Row]:
    with tempfile.TemporaryDirectory() as place:
        root = make(Path(place) / "company.git", commits=COMMITS)
        events, contents, logged, exported = [], [], [], []
        for _ in range(ROUNDS):
            logged.append(to_nowhere(root, *_LOG))
            events.append(measured("events", root))
            exported.append(to_nowhere(root, *_EXPORT))
            contents.append(measured("contents", root))
        python = measured("gitpython", root)
    told = max(each["per_second"] for each in events)
    read = max(each["per_second"] for each in contents)
    log, export = COMMITS / min(logged), COMMITS / min(exported)
    memory = contents[0]["mb"]
    return [
        Row("read log, commits/s (peer: git log, same facts)", told, log, told / log, ""),
        Row("read log with contents, commits/s (peer: fast-export)", read, export, read / export, "≥ 0.75"),
        Row(
            "read log with contents, commits/s (peer: GitPython)",
            read,
            python["per_second"],
            read / python["per_second"],
            "≥ 60",
        ),
        Row("read log with contents, memory MB (peer: GitPython)", memory, python["mb"], memory / python["mb"], ""),
    ]


def to_nowhere(root: Path, *command: str) -> float:
    """The seconds that a git takes which nobody reads."""
    start = time.perf_counter()
    with Path(os.devnull).open("wb") as nowhere:
        subprocess.run(["git", "-C", str(root), *command, "main"], stdout=nowhere, check=True)
    return time.perf_counter() - start


def measured(name: str, root: Path) -> dict[str, float]:
    """One of `WORK` in a process of its own: commits a second, and the most memory it took."""
    command = [sys.executable, "-m", "tests.benchmarks.read_log", name, str(root)]
    told: dict[str, float] = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    return told


def _events(root: Path) -> int:
    from aios.store.git import Git
    from aios.store.log import read_events

    with Git(root) as git:
        return sum(1 for _ in read_events(git, until="main"))


def _contents(root: Path) -> int:
    """What one commit wrote is what a later one changes: contents are remembered, as the projection does."""
    from aios.store.git import Git
    from aios.store.log import read_events

    count = 0
    with Git(root) as git:
        told = read_events(git, until="main")
        known: OrderedDict[str, bytes] = OrderedDict()
        size = 0
        while batch := list(islice(told, BATCH)):
            blobs = {blob: None for event in batch for c in event.changes for blob in (c.before, c.after) if blob}
            for blob, content in git.blobs([blob for blob in blobs if blob not in known]):
                known[blob] = content
                size += len(content)
            contents = [known[blob] for blob in blobs]
            while size > ROOM:
                size -= len(known.popitem(last=False)[1])
            count += len(batch) if all(contents) else 0
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


WORK: dict[str, Callable[[Path], int]] = {"events": _events, "contents": _contents, "gitpython": _gitpython}


def _main(name: str, root: str) -> None:
    start = time.perf_counter()
    count = WORK[name](Path(root))
    seconds = time.perf_counter() - start
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    sys.stdout.write(json.dumps({"per_second": count / seconds, "mb": most}))


if __name__ == "__main__":
    _main(*sys.argv[1:])
