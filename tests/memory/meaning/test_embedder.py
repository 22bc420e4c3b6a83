"""The exported model itself, with a real one."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from aios.errors import RefusedError
from aios.memory.meaning.choice import Choice
from aios.memory.meaning.embedder import Exported
from aios.memory.meaning.export import MANIFEST, MODEL, TOKENIZER, export
from aios.runs.worker import Workers
from tests.peers import packaged_model


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("exported")
    export(Choice(str(packaged_model())), "f" * 64, place, place / "model")
    return place / "model"


@pytest.mark.peer("minilm")
def test_a_step_asks_by_meaning_in_a_child_of_a_process_that_did(folder: Path) -> None:
    model = Exported(folder)
    mine = model.query("how do firms say farewell")
    with Workers() as workers:
        workers.start("step", lambda: model.query("how do firms say farewell").tolist(), timeout=30)
        ((_, result),) = workers.wait()
    assert result.error == ""
    assert np.allclose(mine, result.value)


@pytest.mark.peer("minilm")
@pytest.mark.parametrize("text", ["", "odd \udcff bytes", "\0", "word " * 20_000])
def test_whatever_is_asked_has_a_place(folder: Path, text: str) -> None:
    assert np.isclose(np.linalg.norm(Exported(folder).query(text)), 1, atol=1e-3)


@pytest.mark.peer("minilm")
@pytest.mark.parametrize("wrong", [{"dimensions": 100}, {"dimensions": 0}, {"far": 1.0}, {"prompts": 1, "tokens": "x"}])
def test_a_manifest_that_does_not_fit_the_model_is_refused(folder: Path, tmp_path: Path, wrong: dict[str, int]) -> None:
    for name in (MODEL, TOKENIZER):
        (tmp_path / name).symlink_to(folder / name)
    (tmp_path / MANIFEST).write_text(json.dumps(json.loads((folder / MANIFEST).read_text()) | wrong))
    with pytest.raises(RefusedError, match="is broken"):
        Exported(tmp_path).query("anything")
