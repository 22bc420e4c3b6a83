"""A text's place in the space of meaning: an exported model on onnxruntime, which costs tenths of a second, not ten."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from aios.errors import RefusedError
from aios.memory.meaning.export import ASKING, MANIFEST, MODEL, TOKENIZER, require

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

BATCH = 16  # passages of about one length that are embedded together
THREADS = 2


class Embedder(Protocol):
    """What gives texts their vectors: rows of float32, each of length one.

    `far` is the cosine of texts that have nothing to do with each other: some models find everything near.
    """

    fingerprint: str
    model: str
    dimensions: int
    far: float

    def query(self, text: str) -> NDArray[np.float32]:
        """A question's vector."""
        ...

    def passages(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """One row for each text."""
        ...


class Exported:
    """An exported model. Loaded when it is first asked; again in a child of the process, for threads do not fork."""

    def __init__(self, folder: Path) -> None:
        """Raises RefusedError where the folder holds no exported model that can be read."""
        self.folder = folder
        try:
            told = json.loads((folder / MANIFEST).read_text())
            self.fingerprint = str(told["fingerprint"])
            self.model = str(told["model"])
            self.dimensions, self.far = int(told["dimensions"]), float(told["far"])
            self._tokens, self._pad = int(told["tokens"]), dict(told["pad"])
            self._prompts = (str(told["query_prompt"]), str(told["passage_prompt"]))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise RefusedError(f"{folder} holds no exported model", "`aios memory refresh` makes it anew") from error
        self._pid = 0
        self._session: Any = None
        self._tokenizer: Any = None

    def query(self, text: str) -> NDArray[np.float32]:
        found: NDArray[np.float32] = self._embed([self._prompts[0] + text])[0]
        return found

    def passages(self, texts: Sequence[str]) -> NDArray[np.float32]:
        import numpy as np

        found = np.zeros((len(texts), self.dimensions), np.float32)
        by_length = sorted(range(len(texts)), key=lambda place: len(texts[place]))
        for first in range(0, len(texts), BATCH):
            places = by_length[first : first + BATCH]
            found[places] = self._embed([self._prompts[1] + texts[place] for place in places])
        return found

    def _embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        import numpy as np

        self._load()
        encoded = self._tokenizer.encode_batch(list(texts))
        given = {
            "input_ids": [each.ids for each in encoded],
            "attention_mask": [each.attention_mask for each in encoded],
            "token_type_ids": [each.type_ids for each in encoded],
        }
        wanted = {each.name for each in self._session.get_inputs()}
        feed = {name: np.array(rows, np.int64) for name, rows in given.items() if name in wanted}
        vectors = np.asarray(self._session.run(None, feed)[0], np.float32)
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        found: NDArray[np.float32] = vectors / np.maximum(lengths, 1e-12)
        return found

    def _load(self) -> None:
        if self._pid == os.getpid():
            return
        require(*ASKING)
        import onnxruntime
        from tokenizers import Tokenizer

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = min(THREADS, os.cpu_count() or 1)
        options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # it would eat what comes after it
        options.log_severity_level = 4
        try:
            self._session = onnxruntime.InferenceSession(
                str(self.folder / MODEL), options, providers=["CPUExecutionProvider"]
            )
            self._tokenizer = Tokenizer.from_file(str(self.folder / TOKENIZER))
        except Exception as error:  # the libraries' own errors for files that are cut or foreign
            raise RefusedError(
                f"the exported model in {self.folder} is broken", "`aios rebuild` makes it anew"
            ) from error
        self._tokenizer.enable_truncation(self._tokens)
        self._tokenizer.enable_padding(pad_id=int(self._pad["id"]), pad_token=str(self._pad["token"]))
        self._pid = os.getpid()
