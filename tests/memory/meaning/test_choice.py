from __future__ import annotations

import json
from pathlib import Path

import pytest

from aios.errors import RefusedError
from aios.memory.meaning.choice import Choice, Fingerprints, chosen, folder_of
from tests.memory.meaning.hashed import model_in

COMMIT = "c9745ed1d9f207416be6d2e6f8de32d1f16199bf"


def test_without_an_embedding_recall_is_by_words() -> None:
    assert chosen({"name": "Acme"}) is None
    assert chosen({"embedding": {}}) is None


def test_a_name_on_the_hub_is_held_to_a_commit() -> None:
    model = "sentence-transformers/all-MiniLM-L6-v2"
    assert chosen({"embedding": {"model": model, "revision": COMMIT}}) == Choice(model, COMMIT)
    for revision in ("", "main", COMMIT[:8]):
        with pytest.raises(RefusedError, match="hold sentence-transformers/all-MiniLM-L6-v2 to a commit"):
            chosen({"embedding": {"model": model, "revision": revision}})


@pytest.mark.parametrize("model", ["minilm", "a/b/c", "https://example.com/model", "-x y/z"])
def test_what_names_no_model_is_refused(model: str) -> None:
    with pytest.raises(RefusedError, match="names no model"):
        chosen({"embedding": {"model": model}})


@pytest.mark.parametrize("model", ["/models/minilm", "~/models/minilm", "./minilm", "../minilm"])
def test_a_folder_needs_no_commit(model: str) -> None:
    assert chosen({"embedding": {"model": model}}) == Choice(model)


def test_a_folder_is_found_from_the_companys_root(tmp_path: Path) -> None:
    model_in(tmp_path, "mine")
    assert folder_of(Choice("./mine"), tmp_path) == tmp_path / "mine"
    with pytest.raises(RefusedError, match="no embedding model in"):
        folder_of(Choice("./other"), tmp_path)


def test_a_folders_fingerprint_changes_with_its_files_and_with_nothing_else(tmp_path: Path) -> None:
    choice = model_in(tmp_path)
    known = Fingerprints(tmp_path / "models.json")
    first = known.of(choice, tmp_path)
    (Path(choice.model) / "README.md").write_text("words about it")
    assert known.of(choice, tmp_path) == first
    moved = Path(choice.model).rename(tmp_path / "moved")
    assert known.of(Choice(str(moved)), tmp_path) == first
    (moved / "config.json").write_text("{}")
    assert known.of(Choice(str(moved)), tmp_path) != first


def test_fingerprints_that_cannot_be_read_are_worked_out_again(tmp_path: Path) -> None:
    choice, file = model_in(tmp_path), tmp_path / "models.json"
    first = Fingerprints(file).of(choice, tmp_path)
    for content in ("", "[]", "{", json.dumps({choice.model: 1})):
        file.write_text(content)
        assert Fingerprints(file).of(choice, tmp_path) == first
