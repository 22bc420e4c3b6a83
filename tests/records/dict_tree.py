"""A tree in memory, with blob ids as git computes them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]


class DictTree:
    def __init__(self, files: Mapping[str, bytes | str]) -> None:
        self.files = {path: text.encode() if isinstance(text, str) else text for path, text in files.items()}
        self.reads: list[str] = []
        self.known: dict[str, str | None] = {}  # blob ids that need not be computed again

    def read(self, path: str) -> bytes | None:
        self.reads.append(path)
        return self.files.get(path)

    def blob(self, path: str) -> str | None:
        content = self.files.get(path)
        if path in self.known or content is None:
            return self.known.get(path)
        return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()

    def paths(self, prefix: str = "") -> Sequence[str]:
        return sorted(path for path in self.files if path.startswith(prefix))


def schema_files() -> dict[str, bytes | str]:
    """The schemas that ship with aios."""
    directory = REPOSITORY / "state" / "schemas"
    return {f"state/schemas/{path.name}": path.read_bytes() for path in sorted(directory.glob("*.json"))}


def company(files: Mapping[str, bytes | str] | None = None) -> DictTree:
    """A tree of the shipped schemas and the given files."""
    return DictTree(schema_files() | dict(files or {}))
