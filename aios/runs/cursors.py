"""The places that reads keep, where several steps of a run write the one file of a connector."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from aios.domain.keys import canonical_json
from aios.domain.names import CURSORS, cursor_path
from aios.domain.tree import Tree
from aios.store.documents import dump, parse


def reads_of(tree: Tree, path: str) -> Mapping[str, Any]:
    """How far earlier reads of a connector came, by capability."""
    return _reads(path, tree.read(path))


def file_of(connector: str, reads: Mapping[str, Any]) -> str:
    # In the order of a recording, so that a replay writes the same file.
    return dump({"schema": "cursor.v1", "connector": connector, "reads": json.loads(canonical_json(dict(reads)))})


def beside_others(changes: dict[str, bytes | None], capability: str, tree: Tree) -> None:
    """Let what a read of the capability writes change its own place only: another step, which ran beside it and which
    it could not see, may have moved the others in the tree meanwhile."""
    for path, content in changes.items():
        if path.startswith(CURSORS) and content is not None:
            own = _reads(path, content)
            kept = {**own, **reads_of(tree, path)} | {name: own[name] for name in (capability,) if name in own}
            changes[path] = file_of(path.removeprefix(CURSORS).removesuffix(".yaml"), kept).encode()


def put_back(reads: Iterable[tuple[str, str]], tree: Tree, base: Tree) -> dict[str, bytes | None]:
    """The cursor files with the places of `reads` (connector, capability) as they are in `base`: what is to be read
    again is read from there, for what it brought is thrown away."""
    changes: dict[str, bytes | None] = {}
    for connector, capability in reads:
        path = cursor_path(connector)
        now, before = _reads(path, changes.get(path, tree.read(path))), reads_of(base, path)
        if now.get(capability) == before.get(capability):
            continue
        kept = {name: place for name, place in now.items() if name != capability}
        kept |= {name: before[name] for name in (capability,) if name in before}
        changes[path] = file_of(connector, kept).encode() if kept else base.read(path)
    return changes


def _reads(path: str, content: bytes | None) -> Mapping[str, Any]:
    document, _ = parse(path, content or b"")
    reads = document.data.get("reads") if document else None
    return reads if isinstance(reads, Mapping) else {}
