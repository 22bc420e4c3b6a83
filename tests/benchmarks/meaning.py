"""What recall by meaning costs, at 1,000 to 100,000 passages: `python -m tests.benchmarks meaning`.

Needs the `semantic` extra and the packaged model of the tests. Questions are embedded by the real model; passages get
vectors that are made up, a hundred times faster, for only their number matters here (quality: `tests.benchmarks
recall`). The peer of a question is the same one by words alone, in turn; that of the graph is comparing all vectors.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aios.app import found_company
from aios.memory.meaning.choice import Choice
from aios.memory.meaning.embedder import Exported
from aios.memory.meaning.meaning import Meaning
from aios.memory.meaning.nearest import Nearest, build
from aios.memory.meaning.vectors import Vectors
from aios.memory.recall import Memory
from tests.benchmarks.chatter import chatter
from tests.benchmarks.corpus import laid_out
from tests.benchmarks.durable_step import Row
from tests.benchmarks.recall_speed import QUESTION
from tests.benchmarks.scores import quantile
from tests.example.test_meaning import choose
from tests.memory.files import Files
from tests.peers import PEERS, packaged_model

SIZES = (1_000, 10_000, 100_000)
P50 = {1_000: "", 10_000: "≤ 15", 100_000: "≤ 50"}
GRAPHS = (25_000, 50_000, 100_000)
ASKED = 40
EMBEDDED = 400  # passages


class MadeUp(Exported):
    """The real model for questions; any vector for a passage, always the same one."""

    def passages(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return _unit(len(texts), seed=len(texts[0]))


def run() -> Iterator[Row]:
    missing = PEERS["minilm"].missing
    if missing:
        raise SystemExit(f"not measured: {', '.join(missing)} missing")
    with tempfile.TemporaryDirectory() as place:
        yield from _real(Path(place))
        for size in SIZES:
            yield from _question(Path(place) / str(size), size)
    for size in GRAPHS:
        yield from _graph(size)


def _real(place: Path) -> Iterator[Row]:
    """A company on the real model: how fast it embeds, and what a command costs."""
    root = place / "company"
    found_company(root, name="", email="b@test.example", example=False)
    corpus = chatter(EMBEDDED)
    folder = root / "memory/notes"
    folder.mkdir(parents=True)
    for number in range(len(corpus.documents)):
        text = " ".join(other.text for other in corpus.documents[number : number + 6])  # about 100 words
        (folder / f"n{number:05}.md").write_text(f"---\nschema: note.v1\nkind: note\ntitle: N{number}\n---\n\n{text}\n")
    subprocess.run(["git", "add", "-A"], cwd=root, check=True)
    choose(root, str(packaged_model()))
    first = _timed(root, "memory", "refresh")
    (manifest,) = root.glob(".aios/embedding/*/manifest.json")
    texts = [each.read_text() for each in sorted(folder.iterdir())]
    started = time.perf_counter()
    Exported(manifest.parent).passages(texts)
    rate = len(texts) / (time.perf_counter() - started)
    (folder / "n00000.md").write_text("---\nschema: note.v1\nkind: note\ntitle: N0\n---\n\nSomething else.\n")
    subprocess.run(["git", "commit", "-qam", "One changed"], cwd=root, check=True)
    one = _timed(root, "recall", QUESTION)
    words = min(_timed(root, "recall", QUESTION, "--at", "HEAD~2") for _ in range(3))
    cold = min(_timed(root, "recall", QUESTION) for _ in range(5))
    yield Row("meaning: passages of 100 words embedded a second", rate, None, None, "≥ 70")
    yield Row(f"meaning: first refresh of {EMBEDDED} passages, export included, s", first, None, None, "")
    yield Row("meaning: cold command, s (peer: before a model was chosen)", cold, words, cold / words, "≤ 0.8")
    yield Row("meaning: the same after one note changed, s (peer: nothing changed)", one, cold, one / cold, "")


def _timed(root: Path, *arguments: str) -> float:
    started = time.perf_counter()
    subprocess.run([sys.executable, "-m", "aios", *arguments], cwd=root, check=True, capture_output=True)
    return time.perf_counter() - started


def _question(folder: Path, size: int) -> Iterator[Row]:
    """A question within a process, by words and meaning, beside words alone."""
    folder.mkdir()
    corpus = chatter(size)
    files: Files = laid_out(corpus).files
    exported = Path(folder.parent / "company/.aios/embedding")
    (folder / "embedding").symlink_to(exported)
    meaning = Meaning(folder / "embedding", Choice(str(packaged_model())), folder, load=MadeUp)
    hybrid, lexical = Memory(folder / "hybrid.sqlite", meaning=lambda: meaning), Memory(folder / "lexical.sqlite")
    store = meaning.chosen()
    assert store is not None
    with store.vectors.writing():
        store.vectors.rewrite([])
    hybrid.refresh(files)
    taken: tuple[list[float], list[float]] = ([], [])
    for query in corpus.queries[: ASKED + 5]:
        for memory, seconds in zip((hybrid, lexical), taken, strict=True):
            started = time.perf_counter()
            memory.recall(files, query.text, limit=10)
            seconds.append(time.perf_counter() - started)
    ours, peer = (1_000 * quantile(seconds[5:], 0.5) for seconds in taken)
    yield Row(f"meaning: p50 at {size:,} passages, ms (peer: by words alone)", ours, peer, ours / peer, P50[size])
    size_mb = sum(each.stat().st_size for each in store.folder.glob("vectors-*")) / 1e6
    yield Row(f"meaning: vectors of {size:,} passages, MB", size_mb, None, None, "")
    hybrid.close()
    lexical.close()


def _graph(size: int) -> Iterator[Row]:
    """The graph beside comparing all: time of a question, what of the nearest ten it finds, loading and building."""
    with tempfile.TemporaryDirectory() as place:
        vectors = Vectors(Path(place), 384)
        # Clustered, as texts are; points spread evenly would be harder than any memory.
        centres = _unit(size // 50, seed=1)
        rows = centres[np.random.default_rng(2).integers(0, len(centres), size)] + 0.7 * _unit(size, seed=3)
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        questions = rows[:: size // ASKED] + 0.5 * _unit(len(rows[:: size // ASKED]), seed=4)
        with vectors.writing():
            vectors.append(range(size), rows.astype(np.float32))
            started = time.perf_counter()
            built = build(vectors, at_least=0)
            building = time.perf_counter() - started
        assert built
        exact, graph = Nearest(vectors, graph_from=size + 1), Nearest(vectors, graph_from=0, asked_before=0)
        started = time.perf_counter()
        graph.best(questions[0].astype(np.float32), 10)
        loading = time.perf_counter() - started
        seconds: tuple[list[float], list[float]] = ([], [])
        found = 0
        for question in questions.astype(np.float32):
            answers = []
            for nearest, taken in zip((exact, graph), seconds, strict=True):
                started = time.perf_counter()
                answers.append(set(nearest.best(question, 200)[0][:10].tolist()))
                taken.append(time.perf_counter() - started)
            found += len(answers[0] & answers[1])
        all_ms, graph_ms = (1_000 * quantile(taken, 0.5) for taken in seconds)
        share = found / (10 * len(questions))
        yield Row(f"meaning: graph of {size:,}, ms (peer: all compared)", graph_ms, all_ms, graph_ms / all_ms, "")
        yield Row(
            f"meaning: … of the nearest ten it finds (peer: {loading:.2f} s to load)", share, None, None, "≥ 0.95"
        )
        yield Row(f"meaning: … s to build, {os.cpu_count()} threads", building, None, None, "")


def _unit(count: int, *, seed: int) -> NDArray[np.float32]:
    rows = np.random.default_rng(seed).standard_normal((count, 384)).astype(np.float32)
    found: NDArray[np.float32] = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return found
