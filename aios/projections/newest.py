"""Records of old schema versions, told as those of the newest: as everybody reads them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from aios.domain.keys import key_of
from aios.domain.names import SCHEMAS
from aios.domain.record import Document
from aios.store.git import Git
from aios.store.schemas import Schemas
from aios.store.trees import CommitTree

_FILE = re.compile(rf"{re.escape(SCHEMAS)}([a-z0-9-]+)\.v(\d+)\.json")


class Newest:
    """What the schemas of a commit make of its records. `key` changes where old records would be told otherwise."""

    def __init__(self, git: Git, tip: str) -> None:
        self._git, self._tip = git, tip
        found: dict[str, list[tuple[int, str]]] = {}
        for path, (_, blob) in git.tree(tip).items() if tip else ():
            match = _FILE.fullmatch(path)
            if match:
                found.setdefault(match[1], []).append((int(match[2]), blob))
        # Nearly always there is one version of everything: then nothing needs to be read.
        self._kinds: Mapping[str, tuple[int, str]] = {
            kind: max(versions) for kind, versions in found.items() if len(versions) > 1 or max(versions)[0] > 1
        }
        self.key = key_of("newest", sorted(self._kinds.items())) if self._kinds else ""
        self._schemas: Schemas | None = None

    def read(self, document: Document) -> Document:
        """The document with its data in the newest version; as it is where nothing tells how, or it is not in order."""
        kind, _, version = str(document.data.get("schema") or "").partition(".v")
        newest = self._kinds.get(kind)
        if newest is None or version == str(newest[0]):
            return document
        if self._schemas is None:
            self._schemas, _ = Schemas.from_tree(CommitTree(self._git, self._tip))
        data, _ = self._schemas.read(document)
        return document if data is None else replace(document, data=data)
