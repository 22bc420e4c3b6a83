"""The vectors nearest to a question's: all of them compared, or, where there are many, by a graph (HNSW) of them.

Comparing all is exact and costs a pass over the file: 1 ms for 10,000. A graph must be loaded first, so it is only
worth its while in a process that asks often; it finds nearly all of the nearest. It is derived from one matrix file,
covers its rows up to where it was built, and the rows behind are compared one by one.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from aios.memory.meaning.vectors import Vectors

FROM = 50_000  # vectors
ASKED_BEFORE = 3  # questions of this process from which loading the graph pays
GROWN = 0.2  # share of vectors behind the graph from which it is extended
LINKS, BUILT_WITH, SEARCHED_WITH = 16, 200, 128  # HNSW's M, ef_construction and ef


class Nearest:
    """Searches in one store of vectors."""

    def __init__(self, vectors: Vectors, *, graph_from: int = FROM, asked_before: int = ASKED_BEFORE) -> None:
        self.vectors = vectors
        self._graph_from = graph_from
        self._asked_before = asked_before
        self._asked = 0
        self._scores: NDArray[np.float32] | None = None  # of all vectors, with the last question
        self._graph: Any = None
        self._graph_of = ""

    def best(self, query: NDArray[np.float32], count: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Rows and cosines of at most `count` nearest, nearest first; of equals the earlier row."""
        import numpy as np

        self._asked += 1
        self._scores = None
        by_graph = self._by_graph(query, count)
        if by_graph is None:
            rows = np.arange(len(self.vectors))
            scores = self._scores = _cosines(self.vectors.matrix, query)
        else:
            rows, scores = by_graph
        if len(rows) > count:
            kept = np.argpartition(-scores, count - 1)[:count]
            rows, scores = rows[kept], scores[kept]
        order = np.lexsort((rows, -scores))
        return rows[order].astype(np.int64), scores[order].astype(np.float32)

    def of(self, query: NDArray[np.float32], keys: list[int]) -> dict[int, float]:
        """The cosine of each key that has a vector, with the question that `best` was asked last."""
        rows = self.vectors.rows_of(keys)
        there = (rows >= 0).nonzero()[0]
        found = rows[there]
        scores = _cosines(self.vectors.matrix[found], query) if self._scores is None else self._scores[found]
        return {keys[place]: score for place, score in zip(there.tolist(), scores.tolist(), strict=True)}

    def _by_graph(self, query: NDArray[np.float32], count: int) -> tuple[NDArray[np.int64], NDArray[np.float32]] | None:
        """The nearest as the graph has them, and all rows behind it; None where the graph does not serve."""
        import numpy as np

        graph = self._loaded()
        covered = int(graph.get_current_count()) if graph is not None else 0
        if not 0 < covered <= len(self.vectors):  # more: rows that it was made of were lost since
            return None
        try:
            near, distances = graph.knn_query(query, k=min(count, covered))
        except RuntimeError:  # it reaches fewer from where it starts
            return None
        rows = np.concatenate([near[0].astype(np.int64), np.arange(covered, len(self.vectors))])
        return rows, np.concatenate([1 - distances[0], _cosines(self.vectors.matrix[covered:], query)])

    def _loaded(self) -> Any:
        if len(self.vectors) < self._graph_from or self._asked <= self._asked_before:
            return None
        file = graph_file(self.vectors)
        if file is None or not file.is_file():
            return None
        if self._graph_of != file.name:
            self._graph = _load(file, self.vectors.dimensions)
            self._graph_of = file.name
        return self._graph


def _cosines(matrix: NDArray[np.float32], query: NDArray[np.float32]) -> NDArray[np.float32]:
    """Of each row with the question. On one thread: BLAS takes all, and where one is busy the others wait for it,
    which took ten times as long on a machine with something else to do.
    """
    import numpy as np

    found: NDArray[np.float32] = np.einsum("ij,j->i", matrix, query)
    return found


def graph_file(vectors: Vectors) -> Path | None:
    name = vectors.matrix_name
    return vectors.folder / f"graph-{name}" if name else None


def _load(file: Path, dimensions: int) -> Any:
    """None where the library is not installed or the file is not one of its own."""
    try:
        import hnswlib
    except ImportError:
        return None
    graph = hnswlib.Index(space="ip", dim=dimensions)
    try:
        graph.load_index(str(file))
    except RuntimeError:
        return None
    graph.set_ef(SEARCHED_WITH)
    return graph


def build(vectors: Vectors, *, at_least: int = FROM) -> bool:
    """Make or extend the graph where that pays; was anything done? Call while `vectors.writing`."""
    file = graph_file(vectors)
    if len(vectors) < at_least or file is None:
        return False
    try:
        import hnswlib
    except ImportError:
        return False
    graph = _load(file, vectors.dimensions) if file.is_file() else None
    covered = int(graph.get_current_count()) if graph is not None else 0
    if graph is not None and len(vectors) - covered <= GROWN * covered:
        return False
    if graph is None:
        graph = hnswlib.Index(space="ip", dim=vectors.dimensions)
        graph.init_index(max_elements=len(vectors), M=LINKS, ef_construction=BUILT_WITH, random_seed=7)
    else:
        graph.resize_index(len(vectors))
    graph.add_items(vectors.matrix[covered:], list(range(covered, len(vectors))), num_threads=2)
    fresh = file.with_name(f"{file.name}.new")
    graph.save_index(str(fresh))
    fresh.replace(file)
    for left in vectors.folder.glob("graph-*"):
        if left.name != file.name:
            left.unlink(missing_ok=True)
    return True
