"""The graph of many vectors, with the library that makes it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from aios.memory.meaning.nearest import ASKED_BEFORE, FROM, Nearest, build, graph_file
from aios.memory.meaning.vectors import Vectors

if TYPE_CHECKING:
    from numpy.typing import NDArray

SIZE = 8
BEHIND = 100  # rows that the graph does not cover


def directions(count: int, seed: int) -> NDArray[np.float32]:
    found = np.random.default_rng(seed).standard_normal((count, SIZE)).astype(np.float32)
    lengths: NDArray[np.float32] = np.linalg.norm(found, axis=1, keepdims=True).astype(np.float32)
    return found / lengths


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("vectors")
    vectors = Vectors(folder, SIZE)
    with vectors.writing():
        vectors.append(range(FROM), directions(FROM, 1))
        assert build(vectors)
        assert not build(vectors), "it is there"
        vectors.append(range(FROM, FROM + BEHIND), directions(BEHIND, 2))
        assert not build(vectors), "a few rows behind it are not worth the while"
    return folder


def asked(nearest: Nearest, query: NDArray[np.float32]) -> list[int]:
    """The rows that a process finds which asked so often that it loads the graph."""
    for _ in range(ASKED_BEFORE):
        rows, scores = nearest.best(query, 20)
        assert list(scores) == sorted(scores, reverse=True)
    return [int(row) for row in rows]


def exact(vectors: Vectors, query: NDArray[np.float32]) -> list[int]:
    return [int(row) for row in np.argsort(-(vectors.matrix @ query), kind="stable")[:20]]


@pytest.mark.peer("minilm")
def test_the_graph_finds_nearly_all_of_the_nearest_and_what_lies_behind_it(made: Path) -> None:
    vectors = Vectors(made, SIZE)
    nearest = Nearest(vectors)
    queries = [*directions(20, 3), vectors.matrix[FROM + 7]]
    shared = [len(set(asked(nearest, query)) & set(exact(vectors, query))) for query in queries]
    assert sum(shared) > 0.95 * 20 * len(queries)
    assert asked(nearest, vectors.matrix[FROM + 7])[0] == FROM + 7


@pytest.mark.peer("minilm")
@pytest.mark.parametrize("harm", ["rows lost", "cut", "foreign", "empty"])
def test_a_graph_that_does_not_fit_the_vectors_costs_time_not_the_answer(made: Path, tmp_path: Path, harm: str) -> None:
    folder = shutil.copytree(made, tmp_path / "vectors")
    graph = graph_file(Vectors(folder, SIZE))
    assert graph is not None
    if harm == "rows lost":
        smaller = Vectors(folder, SIZE)
        with smaller.writing():
            smaller.append(range(FROM + BEHIND, FROM + 2 * BEHIND), directions(BEHIND, 4))
            graph.unlink()
            assert build(smaller), "a graph of all of them"
        os.truncate(folder / smaller.matrix_name, (FROM + 1) * SIZE * 4)
    else:
        size = graph.stat().st_size
        graph.write_bytes({"cut": graph.read_bytes()[: size // 2], "foreign": b"\xff" * 4_000, "empty": b""}[harm])
    vectors = Vectors(folder, SIZE)
    query = directions(BEHIND, 4)[7]  # nearest to a row that was lost
    assert asked(Nearest(vectors), query) == exact(vectors, query)
