"""What recall costs: the command, opening the index, a question, what changed since; in time, on disk, in memory.

`python -m tests.benchmarks recall_speed`. The peer is plain FTS5 over the same texts, in the same run, where there is
something to compare. Two companies: of 10,000 notes of one passage each, and of conversations of 1,000, 10,000 and
100,000 passages. Commands are whole processes, started as an operator starts an installed `aios` (its modules are
compiled); CPU milliseconds are those of process and children, all others on the clock. Best of several each.
"""

from __future__ import annotations

import json
import os
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from aios.app import found_company
from aios.memory.index import Index
from aios.memory.recall import Memory
from aios.memory.words import match_any, words_of
from aios.store.documents import parse
from aios.store.git import Git
from aios.store.trees import CommitTree
from tests.benchmarks.chatter import chatter
from tests.benchmarks.corpus import Corpus, laid_out
from tests.benchmarks.durable_step import Row
from tests.benchmarks.recall import plain_fts5
from tests.benchmarks.scores import quantile

NOTES = 10_000
SIZES = (1_000, 10_000, 100_000)
ROUNDS = 5
QUESTION = "what happened to the kiln that was repaired in Lund"
P50 = {10_000: "≤ 6", 100_000: "≤ 25"}

# What a process that asks one question of plain FTS5 needs in memory, and what one of ours does.
_MEMORY = "print(next(line for line in open('/proc/self/status') if line.startswith('VmHWM')).split()[1])"
_ASK_PLAIN = "import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute(sys.argv[2], sys.argv[3:]).fetchall(); "
_ASK_OURS = "import sys; from aios.cli.group import guarded; guarded(sys.argv[1:]); "
_PLAIN = "SELECT rowid FROM found WHERE found MATCH ? ORDER BY rank LIMIT 10"


def run() -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as place:
        yield from _notes(Path(place))
        for size in SIZES:
            yield from _conversations(Path(place) / str(size), size)


# Many notes


def _notes(place: Path) -> Iterator[Row]:
    root = place / "company"
    found_company(root, name="", email="b@test.example", example=False)
    _write_notes(root, range(NOTES))
    with Git(root) as git:
        yield _build(git, place)
        _aios(root, "recall", QUESTION)
        cold = min(_aios(root, "recall", QUESTION) for _ in range(2 * ROUNDS))
        start = min(_aios(root, "--version") for _ in range(2 * ROUNDS))
        what = f"cold command at {NOTES:,} notes, CPU ms (peer: aios --version)"
        yield Row(f"recall: {what}", cold, start, cold / start, "≤ 150")
        changed = min(_after_ten(root, number) for number in range(ROUNDS))
        what = "the same after 10 of them changed, CPU ms (peer: before)"
        yield Row(f"recall: {what}", changed, cold, changed / cold, "≤ peer + 200")
        yield from _refreshes(git, root, NOTES, lambda number: _write_notes(root, range(number, number + 1), more="x"))
        ten = _refreshed(git, root, lambda number: _write_ten(root, number))
        yield Row(f"refresh: 10 of {NOTES:,} notes changed, ms", ten, None, None, "≤ 200")


def _build(git: Git, place: Path) -> Row:
    """Peer: the same files read by the C loader, their bodies put into plain FTS5."""
    started = time.process_time()
    memory = Memory(place / "built.sqlite")
    memory.recall(CommitTree(git, "HEAD"), QUESTION)
    ours = NOTES / (time.process_time() - started)
    memory.close()
    started = time.process_time()
    tree = CommitTree(git, "HEAD")
    db = sqlite3.connect(place / "plainly.sqlite")
    db.execute("CREATE VIRTUAL TABLE found USING fts5(title, text, tokenize='porter unicode61')")
    for path in tree.paths("memory/bulk/"):
        document, _ = parse(path, tree.read(path) or b"")
        if document:
            db.execute("INSERT INTO found VALUES (?, ?)", (str(document.data["title"]), document.body))
    db.commit()
    peer = NOTES / (time.process_time() - started)
    db.close()
    return Row("recall: notes indexed per CPU s (peer: read, then plain FTS5)", ours, peer, ours / peer, "≥ 2500")


def _write_ten(root: Path, number: int) -> None:
    _write_notes(root, range(number * 10, number * 10 + 10), more="And one more thing.")


def _after_ten(root: Path, number: int) -> float:
    _write_ten(root, number)
    return _aios(root, "recall", QUESTION)


def _write_notes(root: Path, numbers: range, *, more: str = "") -> None:
    told = chatter(2 * NOTES).documents
    files = {}
    for number in numbers:
        one, two = told[2 * number], told[2 * number + 1]
        head = f"schema: note.v1\nkind: lesson\ntitle: {one.title}, {number}\ncreated: {one.date}\ntrust: derived\n"
        extra = f"{more} {time.time_ns()}" if more else ""
        files[f"memory/bulk/n{number:05}.md"] = f"---\n{head}---\n\n{one.text} {two.text} {extra}\n"
    _commit(root, files)


# Many passages


def _conversations(place: Path, size: int) -> Iterator[Row]:
    corpus = chatter(size)
    root = place / "company"
    found_company(root, name="", email="b@test.example", example=False)
    memorized = laid_out(corpus)
    told = {path: (memorized.files.read(path) or b"").decode() for path in memorized.files.paths()}
    _commit(root, told)
    plain = plain_fts5(corpus, place)
    label = f"{size:,} passages"
    with Git(root) as git:
        index = root / ".aios" / "recall.sqlite"
        memory = Memory(index)
        memory.recall(CommitTree(git, "HEAD"), QUESTION)
        memory.close()
        ours, peer = index.stat().st_size / 1e6, plain.megabytes
        yield Row(f"index: {label}, MB on disk (peer: plain FTS5)", ours, peer, ours / peer, "")
        opened = min(_opened(index) for _ in range(ROUNDS))
        asked = min(_opened_plainly(place / "plain.sqlite") for _ in range(ROUNDS))
        yield Row(f"index: opening {label}, ms (peer: plain FTS5)", opened, asked, opened / asked, "some ms")
        ours, peer = _asked(corpus, git, index, plain.ask)
        yield Row(f"recall: p50 at {label}, CPU ms (peer: plain FTS5)", ours, peer, ours / peer, P50.get(size, ""))
        cold = min(_aios(root, "recall", QUESTION) for _ in range(ROUNDS))
        start = min(_aios(root, "--version") for _ in range(ROUNDS))
        what = f"recall: cold command at {label}, CPU ms (peer: aios --version)"
        yield Row(what, cold, start, cold / start, "≤ 150" if size == 10_000 else "")
        ours, peer = _megabytes(root, place / "plain.sqlite")
        yield Row(f"recall: memory at {label}, MB (peer: python, plain FTS5)", ours, peer, ours / peer, "")
        first = next(iter(told))
        yield from _refreshes(
            git, root, size, lambda number: _commit(root, {first: f"{told[first]}\nMore {number}.\n"})
        )


def _opened(index: Path) -> float:
    started = time.perf_counter()
    opened = Index(index)
    opened.count()
    taken = time.perf_counter() - started
    opened.close()
    return taken * 1e3


def _opened_plainly(file: Path) -> float:
    started = time.perf_counter()
    db = sqlite3.connect(file)
    db.execute("SELECT rowid FROM found LIMIT 1").fetchone()
    taken = time.perf_counter() - started
    db.close()
    return taken * 1e3


def _asked(corpus: Corpus, git: Git, index: Path, plain: Callable[..., object]) -> tuple[float, float]:
    """Medians of the CPU milliseconds of all questions, asked of both in turn."""
    memory, tree = Memory(index), CommitTree(git, "HEAD")
    memory.recall(tree, QUESTION)
    ours, peer = [], []
    for query in corpus.queries:
        started = time.thread_time()
        memory.recall(tree, query.text)
        between = time.thread_time()
        plain(query)
        ours.append(between - started)
        peer.append(time.thread_time() - between)
    memory.close()
    return quantile(ours, 0.5) * 1e3, quantile(peer, 0.5) * 1e3


def _megabytes(root: Path, plain: Path) -> tuple[float, float]:
    """Most that a whole process needs which starts, asks and ends."""
    words = match_any(words_of(QUESTION))
    asked = (
        (_ASK_OURS, ("-C", str(root), "recall", QUESTION)),
        (_ASK_PLAIN, (str(plain), _PLAIN, words)),
    )
    ours, peer = (
        subprocess.run(
            [sys.executable, "-c", script + _MEMORY, *arguments], check=True, capture_output=True, text=True
        ).stdout.splitlines()[-1]
        for script, arguments in asked
    )
    return int(ours) / 1024, int(peer) / 1024


# What changed


def _refreshes(git: Git, root: Path, size: int, change: Callable[[int], None]) -> Iterator[Row]:
    """Bringing the index to a commit, in a process that already has it open."""

    def record(number: int) -> None:
        _commit(root, {f"state/runs/2026/01/r{number}.yaml": json.dumps({"at": time.time_ns()}) + "\n"})

    nothing = _refreshed(git, root, lambda _: None)
    yield Row(f"refresh: nothing changed at {size:,}, ms", nothing, None, None, "≤ 10")
    runs = _refreshed(git, root, record)
    yield Row(f"refresh: a commit of other things at {size:,}, ms", runs, None, None, "≤ 10")
    one = _refreshed(git, root, change)
    yield Row(f"refresh: one file changed at {size:,}, ms", one, None, None, "")


def _refreshed(git: Git, root: Path, change: Callable[[int], None]) -> float:
    index = Index(root / ".aios" / "recall.sqlite")
    with index.at(CommitTree(git, "HEAD")):
        pass
    taken = []
    for number in range(ROUNDS):
        change(number)
        started = time.perf_counter()
        with index.at(CommitTree(git, "HEAD")):
            taken.append(time.perf_counter() - started)
    index.close()
    return min(taken) * 1e3


def _commit(root: Path, files: Mapping[str, str]) -> None:
    for path, text in files.items():
        place = root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
    who = ("-c", "user.name=B", "-c", "user.email=b@test.example", "-c", "core.hooksPath=/dev/null")
    for command in (("add", "-A"), ("commit", "-qm", "notes")):
        subprocess.run(["git", *who, *command], cwd=root, check=True)


def _aios(root: Path, *arguments: str) -> float:
    """CPU milliseconds."""
    env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    env["PYTHONPYCACHEPREFIX"] = str(root.parent / "compiled")
    before = _cpu()
    subprocess.run([sys.executable, "-m", "aios", *arguments], cwd=root, check=True, stdout=subprocess.DEVNULL, env=env)
    return (_cpu() - before) * 1e3


def _cpu() -> float:
    """Seconds of the children that ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
