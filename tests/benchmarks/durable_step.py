"""What a durable step costs, against the plain ways and two peers, in one interleaved run.

`python -m tests.benchmarks.durable_step` prints the table. LangGraph and DBOS are used where they are installed: for
this Python, for the one named by AIOS_BENCH_PYTHON, or in `.benchmarks/venv`, made by `uv venv .benchmarks/venv` and
`uv pip install --python .benchmarks/venv langgraph langgraph-checkpoint-sqlite dbos gitpython`.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, Self

ROOT = Path(__file__).parents[2]
ROUNDS = 5
STEPS = {"aios": 200, "sqlite": 200, "langgraph": 100, "dbos": 100, "git-commit": 6, "gitpython": 4}
NEEDS = {"langgraph": "langgraph.checkpoint.sqlite", "dbos": "dbos", "gitpython": "git"}
TRACED: tuple[str, ...] = ("aios", "langgraph")
COUNTED = 100  # steps taken under strace
_SYNCS = "fsync,fdatasync,sync_file_range,msync"


class Row(NamedTuple):
    """One comparison. `ours` and `peer` in the unit that `name` says; `ratio` ours / peer; `target` in words."""

    name: str
    ours: float
    peer: float | None
    ratio: float | None
    target: str


@dataclass
class Worker:
    """A writer's process."""

    name: str
    python: str
    directory: Path
    trace: Path | None = None
    milliseconds: list[float] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)

    def __enter__(self) -> Self:
        self.directory.mkdir()
        strace = ["strace", "-f", "-qq", "-e", f"trace={_SYNCS}", "-o", str(self.trace)] if self.trace else []
        command = [*strace, self.python, "-m", "tests.benchmarks.durable_writers", self.name, str(self.directory)]
        self._process = subprocess.Popen(
            command, cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        while (line := self._line()) != "ready\n":
            if not line:
                raise RuntimeError(f"{self.name} does not start: {' '.join(command)}")
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()

    def take(self, steps: int) -> None:
        if self._process.stdin is None:
            raise RuntimeError("no pipe")
        self._process.stdin.write(f"{steps}\n")
        self._process.stdin.flush()
        answer = json.loads(self._line())
        self.milliseconds += answer["ms"]
        self.sizes.append(answer["bytes"])

    def _line(self) -> str:
        return self._process.stdout.readline() if self._process.stdout else ""


def run(*, rounds: int = ROUNDS) -> list[Row]:
    """Measure everything that is installed; peers that are not have None for their numbers."""
    pythons = {name: python for name in STEPS if (python := _python_with(NEEDS.get(name, "json")))}
    with tempfile.TemporaryDirectory() as place:
        workers = {name: Worker(name, python, Path(place) / name) for name, python in pythons.items()}
        _interleave(list(workers.values()), rounds)
        syncs = {name: _syncs(name, pythons[name], Path(place)) for name in TRACED if name in pythons}
    mean = {name: statistics.fmean(worker.milliseconds) for name, worker in workers.items()}
    median = {name: statistics.median(worker.milliseconds) for name, worker in workers.items()}
    per_step = {name: _bytes_per_step(worker) for name, worker in workers.items()}
    ours = "aios"
    return [
        _row("mean ms, SQLite WAL synchronous=FULL", mean[ours], mean.get("sqlite"), "≤ 2.5"),
        _row("median ms, SQLite WAL synchronous=FULL", median[ours], median.get("sqlite"), ""),
        _row("mean ms, LangGraph SqliteSaver sync", mean[ours], mean.get("langgraph"), "≤ 0.5, better 0.3"),
        _row("mean ms, DBOS on SQLite", mean[ours], mean.get("dbos"), "≤ 0.2"),
        _row("mean ms, git add + git commit, core.fsync=all", mean[ours], mean.get("git-commit"), ""),
        _row("mean ms, GitPython index.commit (syncs nothing)", mean[ours], mean.get("gitpython"), ""),
        _row("bytes a step, LangGraph SqliteSaver", per_step[ours], per_step.get("langgraph"), "≤ 0.1"),
        _row("bytes a step, DBOS on SQLite", per_step[ours], per_step.get("dbos"), ""),
        _row("syncs a step, LangGraph SqliteSaver", syncs[ours] or 0.0, syncs.get("langgraph"), "ours ≤ 1.1"),
    ]


def _row(name: str, ours: float, peer: float | None, target: str) -> Row:
    return Row(name, ours, peer, ours / peer if peer else None, target)


def _interleave(workers: list[Worker], rounds: int) -> None:
    """Rounds over all writers, so that whatever else the machine does hits them alike. The first is a warm-up."""
    started: list[Worker] = []
    try:
        started.extend(worker.__enter__() for worker in workers)
        for number in range(rounds + 1):
            for worker in started:
                worker.take(STEPS[worker.name])
                if number == 0:
                    worker.milliseconds.clear()
    finally:
        for worker in started:
            worker.__exit__()


def _bytes_per_step(worker: Worker) -> float:
    rounds = len(worker.sizes) - 1
    return (worker.sizes[-1] - worker.sizes[0]) / (rounds * STEPS[worker.name]) if rounds else 0.0


def _syncs(name: str, python: str, place: Path) -> float | None:
    """Calls that wait for the disk, per step; None where strace is missing."""
    if not shutil.which("strace"):
        return None
    trace = place / f"{name}.trace"
    with Worker(name, python, place / f"{name}-traced", trace=trace) as worker:
        worker.take(COUNTED)  # warm
        before = _count(trace)
        worker.take(COUNTED)
        return (_count(trace) - before) / COUNTED


def _count(trace: Path) -> int:
    return sum("sync" in line and "resumed" not in line for line in trace.read_text().splitlines())


def _python_with(module: str) -> str | None:
    candidates = (sys.executable, os.environ.get("AIOS_BENCH_PYTHON"), str(ROOT / ".benchmarks/venv/bin/python"))
    for python in candidates:
        if python and Path(python).exists():
            command = [python, "-c", f"import {module}"]
            if subprocess.run(command, capture_output=True, check=False, cwd=ROOT).returncode == 0:
                return python
    return None


def main() -> None:
    for name, ours, peer, ratio, target in run():
        against = f"{peer:10.2f}  ratio {ratio:5.2f}" if peer is not None and ratio is not None else "    absent"
        sys.stdout.write(f"{name:50} ours {ours:8.2f}  peer {against:28} {target}\n")


if __name__ == "__main__":
    main()
