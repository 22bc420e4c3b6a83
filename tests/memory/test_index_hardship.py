"""What happens to the index where the place is bad, where somebody else is at it, and where its process is killed."""

from __future__ import annotations

import multiprocessing
import os
import resource
import shutil
import signal
import sqlite3
import tempfile
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from aios.domain.memory import Hit
from aios.domain.tree import Tree
from aios.memory import tidying
from aios.memory.index import Index
from aios.memory.recall import Memory
from tests.memory.files import Files, note

SPAWN = multiprocessing.get_context("spawn")
NOTES = 120


def lessons(numbers: range, word: str = "churn") -> Files:
    """Notes of three passages each."""
    body = "\n\n".join(f"# Part {part}\n\nThe {word} of part {part} is told here, once more." for part in range(3))
    return Files({f"memory/lessons/n{number:04}.md": note(f"Note {number}", body) for number in numbers})


def fresh(tree: Tree, query: str) -> list[Hit]:
    with tempfile.TemporaryDirectory() as directory:
        memory = Memory(Path(directory) / "recall.sqlite")
        hits = memory.recall(tree, query)
        memory.close()
    return hits


def answers(path: Path, tree: Tree, query: str = "churn of part") -> tuple[list[Hit], bool, Sequence[str]]:
    """What is answered, whether from memory only, and what the index gets wrong."""
    memory = Memory(path)
    hits = memory.recall(tree, query)
    state = memory.is_in_memory
    told = memory.verify(tree).differences
    memory.close()
    return hits, state, told


def in_a_child(act: Callable[[], None]) -> int:
    """Exit code of a forked child that does it; minus the signal where one ended it."""
    pid = os.fork()
    if pid == 0:
        code = 70
        try:
            act()
            code = 0
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


# A bad place


def test_a_folder_in_the_way_of_the_index_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "recall.sqlite").mkdir()
    (tmp_path / "recall.sqlite" / "mine.txt").write_text("mine")
    tree = lessons(range(3))
    hits, is_in_memory, _ = answers(tmp_path / "recall.sqlite", tree)
    assert hits == fresh(tree, "churn of part")
    assert is_in_memory
    assert (tmp_path / "recall.sqlite" / "mine.txt").read_text() == "mine"


def test_a_folder_that_may_only_be_read_costs_time_not_an_answer() -> None:
    tree, other = lessons(range(3)), lessons(range(5))
    expected = [(each, fresh(each, "churn of part")) for each in (tree, other)]
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "recall.sqlite"
        answers(path, tree)
        path.chmod(0o444)
        Path(directory).chmod(0o555)
        before = path.read_bytes()

        def ask() -> None:
            if os.getuid() == 0:
                os.setuid(65534)  # root may write anywhere
            for each, hits in expected:
                assert answers(path, each)[0] == hits

        assert in_a_child(ask) == 0
        assert path.read_bytes() == before
        Path(directory).chmod(0o755)


def test_a_full_disk_costs_time_not_an_answer_and_harms_nothing(tmp_path: Path) -> None:
    path = tmp_path / "recall.sqlite"
    small, large = lessons(range(3)), lessons(range(400))
    answers(path, small)
    expected = fresh(large, "churn of part")

    def ask() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
        memory = Memory(path)
        assert memory.recall(large, "churn of part") == expected
        assert memory.is_in_memory

    assert in_a_child(ask) == 0
    hits, is_in_memory, told = answers(path, small)
    assert (hits, is_in_memory, told) == (fresh(small, "churn of part"), False, ())


# Somebody else


class Waiting(Files):
    """A tree that tells when the index reads it, and goes on when it is told to."""

    def __init__(self, files: Files, pipe: Connection) -> None:
        super().__init__({path: files.read(path) or b"" for path in files.paths()})
        self._pipe = pipe

    def read(self, path: str) -> bytes | None:
        if path.endswith("n0001.md"):
            self._pipe.send("writing")
            self._pipe.recv()
        return super().read(path)


def _write(path: Path, pipe: Connection) -> None:
    memory = Memory(path)
    hits = memory.recall(Waiting(lessons(range(9), "margin"), pipe), "margin of part")
    pipe.send((len(hits), memory.is_in_memory))


def _read(path: Path, pipe: Connection) -> None:
    memory = Memory(path, patience=0.01)
    found = [memory.recall(lessons(range(3)), "churn of part") for _ in range(5)]
    pipe.send((found[0], all(hits == found[0] for hits in found), memory.is_in_memory))


@pytest.fixture
def started() -> Iterator[Callable[[Callable[[Path, Connection], None], Path], Connection]]:
    processes = []

    def start(act: Callable[[Path, Connection], None], path: Path) -> Connection:
        ours, theirs = SPAWN.Pipe()
        process = SPAWN.Process(target=act, args=(path, theirs))
        process.start()
        processes.append(process)
        return ours

    yield start
    for process in processes:
        process.kill()
        process.join()


def test_two_processes_read_while_one_is_in_the_middle_of_writing(
    tmp_path: Path, started: Callable[[Callable[[Path, Connection], None], Path], Connection]
) -> None:
    path = tmp_path / "recall.sqlite"
    expected, _, _ = answers(path, lessons(range(3)))
    writer = started(_write, path)
    assert writer.recv() == "writing"
    readers = [started(_read, path) for _ in range(2)]
    assert [reader.recv() for reader in readers] == [(expected, True, False)] * 2
    writer.send("go on")
    assert writer.recv() == (12, False)
    assert answers(path, lessons(range(9), "margin"), "margin of part")[1:] == (False, ())


# A process that is killed


def _killed_at(path: Path, tree: Tree, statement: int) -> Callable[[], None]:
    def act() -> None:
        index = Index(path)
        left = iter(range(statement, 0, -1))
        index.db.set_trace_callback(lambda _: None if next(left, 0) else os.kill(os.getpid(), signal.SIGKILL))
        with index.at(tree):
            pass

    return act


def test_a_kill_at_any_statement_of_writing_and_tidying_loses_nothing(tmp_path: Path) -> None:
    old, new = lessons(range(NOTES)), lessons(range(NOTES // 2, NOTES), "margin")
    start = tmp_path / "start"
    start.mkdir()
    answers(start / "recall.sqlite", old)
    index = Index(shutil.copytree(start, tmp_path / "counted") / "recall.sqlite")
    statements: list[str] = []
    index.db.set_trace_callback(statements.append)
    with index.at(new):
        pass
    index.close()
    assert sum("'optimize'" in each for each in statements) == 2, "what is tested includes tidying"
    assert statements[-1].startswith("PRAGMA busy_timeout"), "to its end"
    expected = {word: fresh(new, word) for word in ("margin", "churn")}
    tidying_ones = range(next(n for n, each in enumerate(statements) if "'optimize'" in each) - 3, len(statements))
    for statement in sorted({*range(0, len(statements), len(statements) // 12), *tidying_ones}):
        folder = shutil.copytree(start, tmp_path / f"at-{statement}")
        assert in_a_child(_killed_at(folder / "recall.sqlite", new, statement)) == -signal.SIGKILL
        for word, hits in expected.items():
            assert answers(folder / "recall.sqlite", new, word) == (hits, False, ()), statements[statement]
        shutil.rmtree(folder)


# Room that is given back


def words_of(path: Path) -> list[tuple[str, int]]:
    database = sqlite3.connect(path)
    rows = database.execute("SELECT term, doc FROM word ORDER BY term").fetchall()
    database.close()
    return rows


def test_an_index_of_many_changes_weighs_about_what_a_new_one_does_and_knows_the_same(tmp_path: Path) -> None:
    grown, anew = tmp_path / "grown.sqlite", tmp_path / "anew.sqlite"
    memory = Memory(grown)
    for turn in range(25):
        tree = lessons(range(turn, NOTES + turn), f"churn{turn} churn").with_files(
            {f"memory/lessons/extra{turn}.md": note(f"Extra {turn}", f"Churn. word{turn}\n\n" * 40)}
        )
        hits = memory.recall(tree, "churn of part")
    memory.close()
    assert answers(anew, tree) == (hits, False, ())
    assert answers(grown, tree) == (hits, False, ())
    assert words_of(grown) == words_of(anew)
    assert grown.stat().st_size < 1.5 * anew.stat().st_size


def test_what_shrinks_gives_its_room_back(tmp_path: Path) -> None:
    path = tmp_path / "recall.sqlite"
    answers(path, lessons(range(2_000)))
    large = path.stat().st_size
    answers(path, lessons(range(20)))
    assert path.stat().st_size < large / 8
    assert not list(tmp_path.glob("*-wal"))


def test_tidying_waits_for_nobody_and_is_done_the_next_time(tmp_path: Path) -> None:
    path = tmp_path / "recall.sqlite"
    index = Index(path)
    with index.at(lessons(range(200))):
        pass
    other = sqlite3.connect(path, isolation_level=None)
    index.db.execute("UPDATE state SET gone = passages")
    other.execute("BEGIN IMMEDIATE")
    index.tidy()
    other.execute("ROLLBACK")
    assert index.db.execute("SELECT gone FROM state").fetchone()[0] > 0, "left to a better time"
    assert index.db.execute("PRAGMA busy_timeout").fetchone()[0] > 1_000, "for a writing it is patient"
    other.execute("BEGIN")
    (seen,) = other.execute("SELECT gone FROM state").fetchone()
    assert tidying.tidy(index.db), "a reader does not stand in its way"
    assert other.execute("SELECT gone FROM state").fetchone() == (seen,), "nor it in a reader's"
    other.execute("ROLLBACK")
    assert not tidying.tidy(index.db)
    index.close()
    other.close()
