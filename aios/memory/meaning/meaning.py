"""What recall asks: how near are passages to a question in meaning? And which model's vectors answer.

Where another model was chosen, its vectors are made behind the scenes; until they are all there, those of the model
before go on serving.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from aios.domain.wording import counted
from aios.memory.meaning.choice import Choice, Fingerprints
from aios.memory.meaning.embedder import Embedder, Exported
from aios.memory.meaning.export import MANIFEST, NEEDED, export, require
from aios.memory.meaning.nearest import Nearest
from aios.memory.meaning.vectors import Vectors

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SAMPLED = 32  # vectors that a verification makes anew
SAME = 0.99  # cosine of a vector with itself, made on another machine
_REFRESH = "`aios memory refresh` makes them now"
_REBUILD = "`aios rebuild` makes all of them anew"
_COMPLETE = "complete"
_SHORT = 16  # hex digits of a fingerprint that name a folder


@dataclass(frozen=True, slots=True)
class Asked:
    """A question as a vector, before the vectors of one model.

    How near two texts are is their cosine on a scale of that model's own: 0 where they have nothing to do with each
    other, 1 where they are the same.
    """

    query: NDArray[np.float32]
    nearest: Nearest
    model: str
    far: float

    def best(self, count: int) -> list[tuple[int, float]]:
        """(key, nearness) of the nearest, nearest first."""
        rows, scores = self.nearest.best(self.query, count)
        keys = self.nearest.vectors.keys[rows].tolist()
        return [(key, self._near(score)) for key, score in zip(keys, scores.tolist(), strict=True)]

    def of(self, keys: Sequence[int]) -> dict[int, float]:
        """The nearness of each key that has a vector."""
        return {key: self._near(cosine) for key, cosine in self.nearest.of(self.query, list(keys)).items()}

    def _near(self, cosine: float) -> float:
        return (cosine - self.far) / (1 - self.far)


@dataclass(frozen=True, slots=True)
class Store:
    """One model and its vectors. `complete` is the tree that they were last complete for; empty: never, or some were
    lost since.
    """

    embedder: Embedder
    vectors: Vectors
    nearest: Nearest

    @property
    def folder(self) -> Path:
        return self.vectors.folder

    @property
    def complete(self) -> str:
        self.vectors.reopen()
        try:
            told = json.loads((self.folder / _COMPLETE).read_text())
            return str(told["tree"]) if int(told["vectors"]) <= len(self.vectors) else ""
        except (OSError, ValueError, KeyError, TypeError):
            return ""

    def note_complete(self, tree: str) -> None:
        """Note that every passage of a tree has its vector. Call while `vectors.writing`."""
        fresh = self.folder / f"{_COMPLETE}.new"
        fresh.write_text(json.dumps({"tree": tree or "-", "vectors": len(self.vectors)}))
        fresh.replace(self.folder / _COMPLETE)


@dataclass(frozen=True, slots=True)
class Coverage:
    """`done` of `passages` distinct texts have a vector by `model`; `serving` is another model that answers still."""

    model: str
    fingerprint: str
    done: int
    passages: int
    serving: str = ""


class Meaning:
    """Recall by meaning in one company: `folder` is its `.aios/embedding/`, `root` the company's own."""

    def __init__(
        self,
        folder: Path,
        choice: Choice,
        root: Path,
        *,
        load: Callable[[Path], Embedder] = Exported,
        export: Callable[[Choice, str, Path, Path], None] = export,
    ) -> None:
        """`load` opens an exported model, `export` makes one (choice, fingerprint, root, folder)."""
        self.folder = folder
        self.choice = choice
        self.root = root
        self.export = export
        self._load = load
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
            require(*NEEDED)
            return None
        store.vectors.reopen()
        if not len(store.vectors):
            return None
        return Asked(store.embedder.query(query), store.nearest, store.embedder.fingerprint, store.embedder.far)

    def coverage(self, keys: Sequence[int]) -> Coverage:
        """How many of these texts have a vector by the chosen model. Raises RefusedError."""
        store, serving = self.chosen(), self.serving()
        wanted = set(keys)
        if store is not None:
            store.vectors.reopen()
        missing = len(store.vectors.missing(list(wanted)) if store else wanted)
        other = serving.embedder.model if serving is not None and serving is not store else ""
        return Coverage(self.choice.name, self.fingerprint, len(wanted) - missing, len(wanted), other)

    def differences(self, keys: Sequence[int], texts: Callable[[Sequence[int]], dict[int, str]]) -> Iterator[str]:
        """What is wrong with the vectors, a line each. Some are made anew, spread over all. Raises RefusedError."""
        store = self.chosen()
        if store is None:
            yield f"{self.choice.name} was not exported yet; {_REFRESH}"
            return
        store.vectors.reopen()
        missing = store.vectors.missing(keys)
        if missing:
            yield f"{counted(len(missing), 'passage')} without a vector; {_REFRESH}"
        damaged = store.vectors.damaged()
        if damaged:
            yield f"{counted(len(damaged), 'vector')} damaged on the disk; {_REFRESH}"
        there = sorted(set(keys) - set(missing) - set(damaged))
        sample = texts(there[:: max(1, len(there) // SAMPLED)][:SAMPLED])
        if sample:
            rows = store.vectors.matrix[store.vectors.rows_of(list(sample))]
            cosines = (rows * store.embedder.passages(list(sample.values()))).sum(axis=1)
            foreign = int((cosines < SAME).sum())
            if foreign:
                yield f"{foreign} of {counted(len(sample), 'vector')} tried are not this model's; {_REBUILD}"

    def forget_others(self) -> None:
        """Remove what other models than the chosen one made."""
        mine = self.folder_of(self.fingerprint)
        for each in self.folder.iterdir():
            if each.is_dir() and each != mine:
                shutil.rmtree(each, ignore_errors=True)
                self._stores.pop(each.name, None)

    def _store(self, folder: Path) -> Store:
        if folder.name not in self._stores:
            require("numpy")
            embedder = self._load(folder)
            vectors = Vectors(folder, embedder.dimensions)
            self._stores[folder.name] = Store(embedder, vectors, Nearest(vectors))
        return self._stores[folder.name]
