"""Which model recall by meaning uses: `embedding` in `state/company.yaml`. We ship none; origin and licence are the
operator's choice.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aios.errors import RefusedError

_HUB = re.compile(r"[\w.-]+/[\w.-]+")
_COMMIT = re.compile(r"[0-9a-f]{40}")
_NOT_OF_IT = {".git", ".cache", "onnx", "openvino", "README.md", ".gitattributes"}


@dataclass(frozen=True, slots=True)
class Choice:
    """A folder (`/…`, `~/…`, `./…`: from the company's root), or a name on the hub with the commit it is held to."""

    model: str
    revision: str = ""

    @property
    def is_folder(self) -> bool:
        return self.model.startswith(("/", "~", "."))

    @property
    def name(self) -> str:
        """What to call it: of a folder the last two parts of its path."""
        return "/".join(Path(self.model).parts[-2:]) if self.is_folder else self.model


def chosen(company: Mapping[str, Any]) -> Choice | None:
    """From the company's record; None where recall is by words alone. Raises RefusedError for what names no model."""
    given = company.get("embedding")
    if not isinstance(given, Mapping) or not given.get("model"):
        return None
    choice = Choice(str(given["model"]), str(given.get("revision") or ""))
    if choice.is_folder:
        return choice
    if not _HUB.fullmatch(choice.model):
        raise RefusedError(
            f"`embedding.model: {choice.model}` names no model",
            "a folder (/…, ~/…, ./…), or a name on the hub such as sentence-transformers/all-MiniLM-L6-v2",
        )
    if not _COMMIT.fullmatch(choice.revision):
        raise RefusedError(
            f"`embedding.revision` must hold {choice.model} to a commit",
            "40 hex digits from the model's history on the hub: what is not pinned changes under your feet",
        )
    return choice


def folder_of(choice: Choice, root: Path) -> Path:
    """Where a model in a folder lies. Raises RefusedError where there is none."""
    folder = root / Path(choice.model).expanduser()
    if not (folder / "modules.json").is_file() and not (folder / "config.json").is_file():
        raise RefusedError(
            f"there is no embedding model in {folder}", "it holds modules.json or config.json, as models on the hub do"
        )
    return folder


class Fingerprints:
    """Fingerprints of models, kept in a file so that a folder is read again only where its files changed."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def of(self, choice: Choice, root: Path) -> str:
        """64 hex digits. Of a folder: over all its files; of a name on the hub: over name and commit."""
        if not choice.is_folder:
            return hashlib.sha256(f"{choice.model}@{choice.revision}".encode()).hexdigest()
        folder = folder_of(choice, root)
        files = list(_files(folder))
        stands = [[name, path.stat().st_size, path.stat().st_mtime_ns] for name, path in files]
        known = self._known()
        entry = known.get(str(folder))
        if isinstance(entry, dict) and entry.get("files") == stands:
            return str(entry["fingerprint"])
        found = hashlib.sha256()
        for name, path in files:
            with path.open("rb") as file:  # piece by piece: a model may be larger than the memory
                found.update(f"{name}\0{hashlib.file_digest(file, 'sha256').hexdigest()}\n".encode())
        self._file.parent.mkdir(parents=True, exist_ok=True)
        told = known | {str(folder): {"files": stands, "fingerprint": found.hexdigest()}}
        self._file.write_text(json.dumps(told))
        return found.hexdigest()

    def _known(self) -> dict[str, Any]:
        try:
            found = json.loads(self._file.read_text())
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        if path.is_file() and not _NOT_OF_IT.intersection(parts):
            yield "/".join(parts), path
