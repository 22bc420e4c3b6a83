"""An embedder for tests: a text is the sum of its telling words' directions; words of one meaning share theirs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from aios.memory.meaning.choice import Choice
from aios.memory.meaning.export import MANIFEST
from aios.memory.meaning.meaning import Meaning
from aios.memory.words import STOP, words_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

DIMENSIONS = 64
SAME = {"hound": "dog", "canine": "dog", "puppy": "dog", "bill": "invoice", "departure": "churn", "leave": "churn"}


class Hashed:
    """`embedded` lists the texts of all passages that were embedded, in their order; after `dies_after` it breaks."""

    def __init__(self, folder: Path) -> None:
        told = json.loads((folder / MANIFEST).read_text())
        self.fingerprint: str = told["fingerprint"]
        self.model: str = told["model"]
        self.dimensions, self.far = DIMENSIONS, 0.0
        self.embedded: list[str] = []
        self.dies_after = 1_000_000

    def query(self, text: str) -> NDArray[np.float32]:
        found: NDArray[np.float32] = self._rows([text])[0]
        return found

    def passages(self, texts: Sequence[str]) -> NDArray[np.float32]:
        if len(self.embedded) + len(texts) > self.dies_after:
            raise KeyboardInterrupt
        self.embedded += texts
        return self._rows(texts)

    def _rows(self, texts: Sequence[str]) -> NDArray[np.float32]:
        rows = np.stack([self._sum(text) for text in texts])
        lengths = np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)
        found: NDArray[np.float32] = (rows / lengths).astype(np.float32)
        return found

    def _sum(self, text: str) -> NDArray[np.float64]:
        return sum((self._direction(word) for word in words_of(text) if word not in STOP), np.zeros(DIMENSIONS))

    def _direction(self, word: str) -> NDArray[np.float64]:
        seed = hashlib.sha256(f"{self.fingerprint}{SAME.get(word, word)}".encode()).digest()
        return np.random.default_rng(int.from_bytes(seed[:8], "big")).standard_normal(DIMENSIONS)


def _export(choice: Choice, fingerprint: str, _: Path, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MANIFEST).write_text(json.dumps({"fingerprint": fingerprint, "model": choice.name}))


def model_in(folder: Path, name: str = "first") -> Choice:
    """A folder that may be chosen as a model."""
    place = folder / name
    place.mkdir(exist_ok=True)
    (place / "config.json").write_text(json.dumps({"name": name}))
    return Choice(str(place))


def meaning_in(folder: Path, choice: Choice) -> Meaning:
    return Meaning(folder / "embedding", choice, folder, load=Hashed, export=_export)
