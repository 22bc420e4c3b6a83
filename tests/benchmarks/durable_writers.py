"""Ways to make a step durable, each in a process of its own that the benchmark drives: `… durable_writers NAME DIR`.

A writer reads a number of steps per line, takes them, and answers with one line of JSON: milliseconds per step, and the
bytes that its directory takes. A step changes one record of 0.9 KB; where there is a repository, it has 2,000 of them.
"""

from __future__ import annotations

import importlib
import json
import random
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from time import perf_counter

from aios.domain.event import EventNote, render_message
from aios.store.commits import Draft, commit_many
from aios.store.git import Git
from aios.store.journal import Journal
from aios.store.maintain import maintain
from aios.store.runlog import RunLog, journal_path

RECORDS = 2_000
KINDS = 10
AT = "2026-03-02T09:00:00+00:00"
Writer = Callable[[int], list[float]]
_WORDS = [f"word{number}" for number in range(500)]


def _prose(index: int) -> str:
    chance = random.Random(index)
    return "\n".join(f"field{line}: {' '.join(chance.choices(_WORDS, k=6))}" for line in range(17))[:850]


_PROSE = [_prose(index) for index in range(RECORDS)]  # made beforehand: it is not what is measured


def record(number: int) -> bytes:
    """0.9 KB of YAML: the record at `path_of(number)` with two fields changed."""
    text = _PROSE[number * 7 % RECORDS]
    return f"schema: note.v1\nversion: {number}\nupdated: 2026-03-{abs(number) % 28 + 1:02}\n{text}\n".encode()


def path_of(number: int) -> str:
    index = number * 7 % RECORDS
    return f"state/kind{index % KINDS}/record-{index:04}.yaml"


def message(number: int) -> str:
    return render_message(
        EventNote(
            type="content.drafted",
            title=f"Step {number}",
            records=(path_of(number),),
            run="publish-content/pricing/01jbenchmark",
            step="write",
            attempt=1,
            actor="agent:writer@3",
            key=f"sha256:{number:064x}",
        )
    )


def company(root: Path) -> Git:
    git = Git.init(root)
    git.run("config", "user.name", "bench")
    git.run("config", "user.email", "bench@example.com")
    files: dict[str, bytes | None] = {path_of(number): record(-number - 1) for number in range(RECORDS)}
    commit_many(git, "main", [Draft("start", files, AT, "bench", "bench@example.com")], expected=None)
    git.run("reset", "-q", "--hard")
    return git


def timed(step: Callable[[int], object]) -> Writer:
    """Times each call of `step` on its own."""
    numbers = iter(range(1_000_000))

    def write(count: int) -> list[float]:
        return [_milliseconds(step, next(numbers)) for _ in range(count)]

    return write


def _milliseconds(step: Callable[[int], object], number: int) -> float:
    start = perf_counter()
    step(number)
    return (perf_counter() - start) * 1000


def aios(root: Path) -> Writer:
    """The journal, and a `git fast-import` every hundred steps."""
    git = company(root)
    log = RunLog(git, "aios/publish-content/pricing", Journal(journal_path(git, "01bench")), start=git.rev("main"))

    def step(number: int) -> None:
        changes: dict[str, bytes | None] = {path_of(number): record(number)}
        log.append(Draft(message(number), changes, AT, "aios", "aios@example.com"), f"{number}")
        if len(log.pending) == 100:
            log.flush()  # here, so that its cost lies within the steps measured

    write = timed(step)

    def write_and_tidy(count: int) -> list[float]:
        taken = write(count)
        maintain(git, packs=5)  # what the app does after a run
        return taken

    return write_and_tidy


def sqlite_full(root: Path) -> Writer:
    """One row per step, WAL, synchronous=FULL: the floor for any durable store in one file."""
    database = sqlite3.connect(root / "steps.db", isolation_level=None)
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("PRAGMA synchronous=FULL")
    database.execute("CREATE TABLE steps (key TEXT PRIMARY KEY, path TEXT, content BLOB, message TEXT)")
    insert = "INSERT INTO steps VALUES (?, ?, ?, ?)"
    return timed(lambda n: database.execute(insert, (str(n), path_of(n), record(n), message(n))))


def git_commit(root: Path) -> Writer:
    """`git add` and `git commit`, as by hand, told to sync."""
    company(root).close()

    def step(number: int) -> None:
        (root / path_of(number)).write_bytes(record(number))
        durable = ("git", "-c", "core.fsync=all", "-c", "gc.auto=0")
        subprocess.run([*durable, "add", path_of(number)], cwd=root, check=True)
        subprocess.run([*durable, "commit", "-q", "-m", message(number)], cwd=root, check=True)

    return timed(step)


def gitpython(root: Path) -> Writer:
    """GitPython's index, which syncs nothing."""
    company(root).close()
    repository = importlib.import_module("git").Repo(root)

    def step(number: int) -> None:
        (root / path_of(number)).write_bytes(record(number))
        repository.index.add([path_of(number)])
        repository.index.commit(message(number))

    return timed(step)


def langgraph(root: Path) -> Writer:
    """A graph of one node that runs in a loop, checkpointed by SqliteSaver with `durability="sync"`."""
    graph = importlib.import_module("langgraph.graph")
    saver = importlib.import_module("langgraph.checkpoint.sqlite").SqliteSaver
    types = importlib.import_module("typing_extensions")
    state = types.TypedDict("state", {"number": int, "until": int, "record": str})
    moments: list[float] = []

    def node(now: dict[str, int]) -> dict[str, object]:
        moments.append(perf_counter())
        return {"number": now["number"] + 1, "record": record(now["number"]).decode()}

    builder = graph.StateGraph(state)
    builder.add_node("step", node)
    builder.add_edge(graph.START, "step")
    builder.add_conditional_edges("step", lambda now: "step" if now["number"] < now["until"] else graph.END)
    database = sqlite3.connect(root / "checkpoints.db", check_same_thread=False)
    app = builder.compile(checkpointer=saver(database))
    done = 0

    def write(count: int) -> list[float]:
        nonlocal done
        moments.clear()
        settings = {"configurable": {"thread_id": "run"}, "recursion_limit": count + 10}
        app.invoke({"number": done, "until": done + count + 1, "record": ""}, settings, durability="sync")
        done += count + 1
        return _between(moments)

    return write


def dbos(root: Path) -> Writer:
    """A workflow of steps, recorded in DBOS' SQLite system database."""
    library = importlib.import_module("dbos")
    library.DBOS(
        config={
            "name": "bench",
            "system_database_url": f"sqlite:///{root / 'dbos.db'}",
            "log_level": "ERROR",
            "enable_otlp": False,
        }
    )
    moments: list[float] = []

    @library.DBOS.step()  # type: ignore[untyped-decorator]
    def step(number: int) -> str:
        moments.append(perf_counter())
        return record(number).decode()

    @library.DBOS.workflow()  # type: ignore[untyped-decorator]
    def workflow(start: int, count: int) -> None:
        for number in range(start, start + count + 1):
            step(number)

    library.DBOS.launch()
    done = 0

    def write(count: int) -> list[float]:
        nonlocal done
        moments.clear()
        workflow(done, count)
        done += count + 1
        return _between(moments)

    return write


def _between(moments: list[float]) -> list[float]:
    return [(later - sooner) * 1000 for sooner, later in pairwise(moments)]


WRITERS: dict[str, Callable[[Path], Writer]] = {
    "aios": aios,
    "sqlite": sqlite_full,
    "langgraph": langgraph,
    "dbos": dbos,
    "git-commit": git_commit,
    "gitpython": gitpython,
}


def size_of(root: Path) -> int:
    return sum(place.stat().st_size for place in root.rglob("*") if place.is_file())


def _requests() -> Iterator[int]:
    for line in sys.stdin:
        yield int(line)


def main(name: str, root: Path) -> None:
    write = WRITERS[name](root)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    for count in _requests():
        sys.stdout.write(json.dumps({"ms": write(count), "bytes": size_of(root)}) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
