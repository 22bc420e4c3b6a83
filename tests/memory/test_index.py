from __future__ import annotations

import multiprocessing
import os
import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aios.domain.memory import Hit
from aios.domain.tree import Tree
from aios.memory import ranking
from aios.memory.recall import Memory
from aios.store.git import Git
from aios.store.trees import CommitTree, OverlayTree
from tests.conftest import commit_all
from tests.memory.files import Files, note

WORDS = ["price", "prices", "tier", "churn", "table", "reader", "invoice", "Köln", "the", "what"]
PATHS = ["memory/lessons/a.md", "memory/lessons/b.md", "memory/research/c.md", "state/products/tier.yaml", "state/s.md"]
SENTENCES = st.lists(st.sampled_from(WORDS), min_size=1, max_size=30).map(" ".join)
CONTENTS = st.one_of(
    st.none(),
    st.builds(note, SENTENCES, SENTENCES, created=st.sampled_from(["2026-01-02", "2026-05-01"])),
    st.lists(SENTENCES, min_size=1, max_size=6).map("\n\n## Heading\n\n".join),
    st.binary(max_size=30),
)
EDITS = st.lists(st.dictionaries(st.sampled_from(PATHS), CONTENTS, min_size=1, max_size=4), min_size=1, max_size=6)


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Memory]:
    found = Memory(tmp_path / ".aios" / "recall.sqlite")
    yield found
    found.close()


def fresh(tree: Tree, query: str) -> list[Hit]:
    with tempfile.TemporaryDirectory() as directory:
        memory = Memory(Path(directory) / "recall.sqlite")
        hits = memory.recall(tree, query)
        memory.close()
    return hits


@given(EDITS, SENTENCES)
@settings(max_examples=60, deadline=None)
def test_an_index_that_grew_answers_like_a_fresh_one(edits: list[dict[str, str | bytes | None]], query: str) -> None:
    tree = Files({})
    with tempfile.TemporaryDirectory() as directory:
        memory = Memory(Path(directory) / "recall.sqlite")
        for edit in edits:
            tree = tree.with_files(edit)
            grown = memory.recall(tree, query)
        memory.close()
    assert grown == fresh(tree, query)


def test_more_equal_passages_than_the_pool_holds_are_cut_by_path_not_by_history(memory: Memory) -> None:
    many = Files({f"memory/lessons/n{number:03}.md": "Same words." for number in range(ranking.POOL + 40)})
    first_half = Files({path: many.read(path) or b"" for path in many.paths()[ranking.POOL // 2 :]})
    memory.recall(first_half, "same words")
    assert [hit.path for hit in memory.recall(many, "same words")] == [hit.path for hit in fresh(many, "same words")]
    assert memory.recall(many, "same words")[0].path == "memory/lessons/n000.md"


def test_an_answer_is_of_the_tree_that_was_asked_whatever_was_asked_before(memory: Memory) -> None:
    here = Files({"memory/lessons/a.md": "Churn is low."})
    there = Files({"memory/lessons/b.md": "Churn is high."})
    for _ in range(2):
        assert [hit.path for hit in memory.recall(here, "churn")] == ["memory/lessons/a.md"]
        assert [hit.path for hit in memory.recall(there, "churn")] == ["memory/lessons/b.md"]


def test_nothing_is_read_again_where_nothing_changed(memory: Memory) -> None:
    class Counting(Files):
        reads = 0

        def read(self, path: str) -> bytes | None:
            Counting.reads += 1
            return super().read(path)

    tree = Counting({f"memory/lessons/{number}.md": f"Note {number}." for number in range(20)})
    memory.recall(tree, "note")
    memory.recall(tree, "note")
    assert Counting.reads == 20


@pytest.mark.parametrize(
    "damage",
    ["garbage", "truncated", "cut off in the header", "zeroed", "zeroed header", "middle", "empty", "foreign",
     "version", "table gone"],
)  # fmt: skip
def test_a_broken_or_foreign_index_is_replaced(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "recall.sqlite"
    tree = Files({f"memory/lessons/{number}.md": f"Note {number} about churn. " * 30 for number in range(30)})
    memory = Memory(path)
    expected = memory.recall(tree, "churn")
    memory.close()
    content = path.read_bytes()
    if damage == "garbage":
        path.write_bytes(b"not a database at all" * 500)
    elif damage == "truncated":
        path.write_bytes(content[: len(content) // 2])
    elif damage == "cut off in the header":
        path.write_bytes(content[:60])
    elif damage.startswith("zeroed"):
        size = 100 if damage == "zeroed header" else len(content)
        path.write_bytes(bytes(size) + content[size:])
    elif damage == "middle":
        path.write_bytes(content[:8192] + b"\xff" * (len(content) - 8192))
    elif damage == "empty":
        path.write_bytes(b"")
    else:
        path.unlink() if damage == "foreign" else None
        database = sqlite3.connect(path)
        harm = {"foreign": "CREATE TABLE file (mine)", "version": "PRAGMA user_version=99"}
        database.execute(harm.get(damage, "DROP TABLE passage"))
        database.commit()
        database.close()
    memory = Memory(path)
    assert memory.recall(tree, "churn") == expected
    assert memory.recall(tree, "churn") == expected
    assert not memory.is_in_memory
    memory.close()


def test_without_a_place_for_the_index_recall_still_answers(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    memory = Memory(tmp_path / "file" / "recall.sqlite")
    assert [hit.path for hit in memory.recall(Files({"memory/lessons/a.md": "Churn."}), "churn")] == [
        "memory/lessons/a.md"
    ]
    assert memory.is_in_memory
    memory.close()


def _ask(path: Path, number: int, answers: multiprocessing.SimpleQueue[list[str]]) -> None:
    memory = Memory(path)
    for turn in range(5):
        tree = Files({f"memory/lessons/{n}.md": f"Churn {n}." for n in range(number, number + 3 + turn)})
        hits = memory.recall(tree, "churn", limit=50)
        if sorted(hit.path for hit in hits) != sorted(tree.paths()):
            answers.put([f"asked {tree.paths()}, got {[hit.path for hit in hits]}"])
            return
    memory.close()
    answers.put([])


def test_several_processes_share_one_index(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    answers: multiprocessing.SimpleQueue[list[str]] = context.SimpleQueue()
    path = tmp_path / "recall.sqlite"
    processes = [context.Process(target=_ask, args=(path, number, answers)) for number in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [answers.get() for _ in processes] == [[], [], []]


def test_a_forked_child_opens_the_index_for_itself(memory: Memory) -> None:
    tree = Files({"memory/lessons/a.md": "Churn."})
    memory.recall(tree, "churn")
    more = tree.with_files({"memory/lessons/b.md": "Churn and churn."})
    pid = os.fork()
    if pid == 0:
        os._exit(0 if len(memory.recall(more, "churn")) == 2 else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert len(memory.recall(more, "churn")) == 2
    assert len(memory.recall(tree, "churn")) == 1


def test_an_index_that_somebody_holds_locked_is_not_waited_for_for_ever(tmp_path: Path) -> None:
    path = tmp_path / "recall.sqlite"
    tree = Files({"memory/lessons/a.md": "Churn."})
    memory = Memory(path)
    memory.recall(tree, "churn")
    memory.close()
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    memory = Memory(path, patience=0.02)
    assert len(memory.recall(tree, "churn")) == 1, "reading needs no lock"
    assert len(memory.recall(tree.with_files({"memory/lessons/b.md": "Churn too."}), "churn")) == 2
    assert memory.is_in_memory
    memory.close()
    holder.execute("ROLLBACK")
    holder.close()


def test_a_commit_is_recalled_like_its_files(git: Git, company: Path, memory: Memory) -> None:
    tree = CommitTree(git, "main")
    hit = memory.recall(tree, "short titles")[0]
    content = (company / hit.path).read_text()
    assert (hit.path, hit.blob) == ("memory/lessons/short-titles.md", git.text("hash-object", hit.path))
    assert content.split("\n")[hit.line - 1] == hit.text == "Keep them."


def test_an_index_that_follows_commits_answers_like_a_fresh_one(git: Git, company: Path, memory: Memory) -> None:
    """Also where git has forgotten the commit at which the index stood, and where a run's overlay came between."""
    steps: list[dict[str, str | None]] = [
        {"memory/lessons/new.md": "Titles with a figure.", "state/runs/2026/01/r.yaml": "x: titles"},
        {"state/runs/2026/01/r.yaml": "x: more titles"},
        {"memory/lessons/new.md": None, "memory/lessons/short-titles.md": "Long titles lose."},
        {"memory/lessons/again.md": "Titles, titles.", "state/content/hello-world.md": None},
    ]
    memory.recall(CommitTree(git, "main"), "titles")
    for number, step in enumerate(steps):
        for path, text in step.items():
            place = company / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text) if text is not None else place.unlink()
        if number == 2:
            overlay = OverlayTree(CommitTree(git, "main"), {"memory/lessons/over.md": b"Titles laid over."})
            assert memory.recall(overlay, "titles") == fresh(overlay, "titles")
        commit_all(company, "one more")
        tree = CommitTree(git, "main")
        assert memory.recall(tree, "titles") == fresh(tree, "titles")
        assert memory.verify(tree).differences == ()
    stood_at = tree.identity(("memory/",))
    git.run("checkout", "-q", "--orphan", "anew")
    (company / "memory/lessons/again.md").write_text("Titles, titles, titles.")
    commit_all(company, "history begins anew")
    git.run("branch", "-D", "main")
    git.run("reflog", "expire", "--expire=now", "--all")
    git.run("gc", "-q", "--prune=now")
    git.close()
    assert git.read_object(stood_at) is None
    tree = CommitTree(git, "anew")
    assert memory.recall(tree, "titles") == fresh(tree, "titles")
    assert memory.verify(tree).differences == ()


def test_a_file_whose_name_is_no_text_is_passed_over(memory: Memory) -> None:
    tree = Files({"memory/lessons/\udcff.md": "Churn.", "memory/lessons/ö.md": "Churn."})
    assert [hit.path for hit in memory.recall(tree, "churn")] == ["memory/lessons/ö.md"]
