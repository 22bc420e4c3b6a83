"""What recall asks: how near are passages to a question in meaning? And which model's vectors answer.

Where another model was chosen, its vectors are made behind the scenes; until they are all there, those of the model
before go on serving.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from aios.errors import RefusedError
from aios.memory.meaning.choice import Choice, Fingerprints
from aios.memory.meaning.embedder import Embedder
from aios.memory.meaning.export import EXTRA, MANIFEST
from aios.memory.meaning.nearest import Nearest
from aios.memory.meaning.vectors import Vectors

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_SHORT = 16  # hex digits of a fingerprint that name a folder


@dataclass(frozen=True, slots=True)
class Asked:
    """A question as a vector, before the vectors of one model."""

    query: NDArray[np.float32]
    nearest: Nearest
    model: str

    def best(self, count: int) -> list[tuple[int, float]]:
        """(key, cosine) of the nearest, nearest first."""
        rows, scores = self.nearest.best(self.query, count)
        keys = self.nearest.vectors.keys[rows].tolist()
        return list(zip(keys, scores.tolist(), strict=True))

    def of(self, keys: Sequence[int]) -> dict[int, float]:
        """The cosine of each key that has a vector."""
        return self.nearest.of(self.query, list(keys))


@dataclass(frozen=True, slots=True)
class Store:
    """One model and its vectors. `complete` is the tree that they were last complete for; empty: never yet."""

    embedder: Embedder
    vectors: Vectors
    nearest: Nearest

    @property
    def folder(self) -> Path:
        return self.vectors.folder

    @property
    def complete(self) -> str:
        try:
            return str(json.loads((self.folder / "complete").read_text())["tree"])
        except (OSError, ValueError, KeyError, TypeError):
            return ""

    def is_complete(self, tree: str) -> None:
        """Note that every passage of a tree has its vector."""
        (self.folder / "complete").write_text(json.dumps({"tree": tree or "-"}))


class Meaning:
    """Recall by meaning in one company: `folder` is its `.aios/embedding/`, `root` the company's own."""

    def __init__(self, folder: Path, choice: Choice, root: Path) -> None:
        self.folder = folder
        self.choice = choice
        self.root = root
        self._stores: dict[str, Store] = {}
        self._fingerprint = ""

    @property
    def fingerprint(self) -> str:
        """Of the chosen model. Raises RefusedError where it is not there."""
        if not self._fingerprint:
            self._fingerprint = Fingerprints(self.folder / "models.json").of(self.choice, self.root)
        return self._fingerprint

    def folder_of(self, fingerprint: str) -> Path:
        return self.folder / fingerprint[:_SHORT]

    def chosen(self) -> Store | None:
        """The chosen model's store; None where it was not exported yet. Raises RefusedError where the model is gone."""
        folder = self.folder_of(self.fingerprint)
        return self._store(folder) if (folder / MANIFEST).is_file() else None

    def serving(self) -> Store | None:
        """The store that answers questions now: the chosen model's, or that before it until this one is complete."""
        chosen = self.chosen()
        if chosen is not None and chosen.complete:
            return chosen
        others = [self._store(each.parent) for each in sorted(self.folder.glob(f"*/{MANIFEST}"))]
        ready = [store for store in others if store.complete]
        return ready[0] if ready else chosen

    def ask(self, query: str) -> Asked | None:
        """None where nothing has a vector yet. Raises RefusedError, saying what is missing and how to get it."""
        store = self.serving()
        if store is None:
            return None
        store.vectors.reopen()
        if not len(store.vectors):
            return None
        return Asked(store.embedder.query(query), store.nearest, store.embedder.fingerprint)

    def forget_others(self) -> None:
        """Remove what other models than the chosen one made."""
        mine = self.folder_of(self.fingerprint)
        for each in self.folder.iterdir():
            if each.is_dir() and each != mine:
                shutil.rmtree(each, ignore_errors=True)
                self._stores.pop(each.name, None)

    def _store(self, folder: Path) -> Store:
        if folder.name not in self._stores:
            try:
                import numpy as np  # noqa: F401  before anything is opened with it
            except ImportError as error:
                raise RefusedError("`numpy` is not installed, and recall by meaning needs it", EXTRA) from error
            embedder = Embedder(folder)
            vectors = Vectors(folder, embedder.dimensions)
            self._stores[folder.name] = Store(embedder, vectors, Nearest(vectors))
        return self._stores[folder.name]
