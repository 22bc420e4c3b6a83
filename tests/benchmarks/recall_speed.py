"""What recall costs on a company of 10,000 notes: the first command, a cold one, one after ten changes.

`python -m tests.benchmarks recall_speed`. Whole processes, started as an operator starts them; CPU seconds of process
and children, the best of several. The peer is `aios --version`: what starting costs anyway. `… recall --turns 100000`
gives the time of a question alone.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from aios.app import found_company
from aios.memory.recall import Memory
from aios.store.git import Git
from aios.store.trees import CommitTree
from tests.benchmarks.chatter import chatter
from tests.benchmarks.durable_step import Row

NOTES = 10_000
ROUNDS = 5
QUESTION = "what happened to the kiln that was repaired in Lund"


def run() -> list[Row]:
    with tempfile.TemporaryDirectory() as place:
        root = Path(place) / "company"
        found_company(root, name="", email="", example=False)
        _write(root, range(NOTES))
        git = Git(root)
        started = _cpu()
        with git:
            Memory(Path(place) / "apart.sqlite").recall(CommitTree(git, "HEAD"), QUESTION)
        build = _cpu() - started
        _aios(root, "recall", QUESTION)
        cold = min(_aios(root, "recall", QUESTION) for _ in range(ROUNDS))
        start = min(_aios(root, "--version") for _ in range(ROUNDS))
        changed = min(_changed(root, number) for number in range(ROUNDS))
    return [
        Row("recall: notes indexed per CPU second", NOTES / build, None, None, "≥ 2500"),
        Row("recall: cold command at 10,000 notes, CPU ms", cold * 1e3, start * 1e3, cold / start, "≤ 150"),
        Row("recall: the same after 10 of them changed, CPU ms", changed * 1e3, cold * 1e3, changed / cold, "+ ≤ 200"),
    ]


def _changed(root: Path, number: int) -> float:
    _write(root, range(number * 10, number * 10 + 10), more="And one more thing.")
    return _aios(root, "recall", QUESTION)


def _write(root: Path, numbers: range, *, more: str = "") -> None:
    told = chatter(2 * NOTES).documents
    folder = root / "memory" / "bulk"
    folder.mkdir(parents=True, exist_ok=True)
    for number in numbers:
        one, two = told[2 * number], told[2 * number + 1]
        head = f"schema: note.v1\nkind: lesson\ntitle: {one.title}, {number}\ncreated: {one.date}\ntrust: derived\n"
        (folder / f"n{number:05}.md").write_text(f"---\n{head}---\n\n{one.text} {two.text} {more}\n")
    who = ("-c", "user.name=B", "-c", "user.email=b@test.example", "-c", "core.hooksPath=/dev/null")
    for command in (("add", "-A"), ("commit", "-qm", "notes")):
        subprocess.run(["git", *who, *command], cwd=root, check=True)


def _aios(root: Path, *arguments: str) -> float:
    before = _cpu()
    subprocess.run([sys.executable, "-m", "aios", *arguments], cwd=root, check=True, stdout=subprocess.DEVNULL)
    return _cpu() - before


def _cpu() -> float:
    """Seconds of this process and of its children that ended."""
    return sum(os.times()[:4])
