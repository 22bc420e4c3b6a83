"""The records of one tree by kind and id: parsed when asked for, each file once, brought up to the newest schema.

A file with findings is no record; `findings` tells what is wrong with it.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, MutableMapping
from functools import cached_property

from aios.domain.finding import Finding
from aios.domain.record import Record
from aios.domain.tree import Tree
from aios.store.documents import parse
from aios.store.schemas import Schemas

# What a file was read as. The key is its path, its blob and its kind's hash: equal keys give equal values.
Loaded = tuple[Record | None, tuple[Finding, ...]]
Parsed = MutableMapping[tuple[str, str, str], Loaded]


class Catalog:
    """`parsed` may be shared between catalogs of neighbouring trees, so that equal files are parsed once."""

    def __init__(self, tree: Tree, *, schemas: Schemas | None = None, parsed: Parsed | None = None) -> None:
        self.tree = tree
        self._given = schemas
        self._parsed: Parsed = {} if parsed is None else parsed

    @property
    def schemas(self) -> Schemas:
        return self._schemas[0]

    def records(self, kind: str) -> tuple[Record, ...]:
        """All valid records of a kind, sorted by id, then path; empty for an unknown kind."""
        found = (self.load(path) for path in self.paths(kind))
        return tuple(sorted((record for record in found if record), key=lambda record: (record.id, record.path)))

    def get(self, kind: str, record_id: str) -> Record | None:
        """One record by its id; None where there is none or where it has findings.

        Where ids are unique within a directory only, the first by path; its path below the kind's directory,
        without suffix, names one for certain.
        """
        for path in self._by_id(kind).get(record_id, ()):
            record = self.load(path)
            if record:
                return record
        return None

    def load(self, path: str) -> Record | None:
        """The record at a path; None where there is none or where it has findings."""
        return self._load(path)[0]

    def paths(self, kind: str) -> tuple[str, ...]:
        """The files of a kind, readable or not, sorted."""
        if kind not in self.schemas.kinds():
            return ()
        about = self.schemas.kind(kind)
        return tuple(
            path for path in self.tree.paths(about.file or about.directory) if self.schemas.kind_of(path) == kind
        )

    def findings(self, *kinds: str) -> list[Finding]:
        """What is wrong with the schemas, and with each file of the given kinds (of all, where none is given)."""
        found = list(self._schemas[1])
        for kind in kinds or self.schemas.kinds():
            for path in self.paths(kind):
                found += self._load(path)[1]
        return sorted(found)

    def _load(self, path: str) -> Loaded:
        kind = self.schemas.kind_of(path)
        blob = self.tree.blob(path)
        if kind is None or blob is None:
            return None, ()
        key = (path, blob, self.schemas.kind(kind).hash)
        known = self._parsed.get(key)
        if known is None:
            known = self._parsed[key] = self._read(path, kind)
        return known

    def _read(self, path: str, kind: str) -> Loaded:
        content = self.tree.read(path)
        if content is None:
            return None, ()
        document, findings = parse(path, content)
        if document is None:
            return None, tuple(findings)
        data, findings = self.schemas.read(document)
        if data is None:
            return None, tuple(findings)
        return Record(kind, id_of(path), path, str(data["schema"]), data, document.body), ()

    @cached_property
    def _schemas(self) -> tuple[Schemas, list[Finding]]:
        return (self._given, []) if self._given else Schemas.from_tree(self.tree)

    @cached_property
    def _ids(self) -> dict[str, dict[str, list[str]]]:
        return {}

    def _by_id(self, kind: str) -> dict[str, list[str]]:
        if kind not in self._ids:
            ids: dict[str, list[str]] = {}
            for path in self.paths(kind):
                for name in dict.fromkeys(self._names(kind, path)):
                    ids.setdefault(name, []).append(path)
            self._ids[kind] = ids
        return self._ids[kind]

    def _names(self, kind: str, path: str) -> Iterator[str]:
        yield id_of(path)
        yield posixpath.splitext(path.removeprefix(self.schemas.kind(kind).directory))[0]


def id_of(path: str) -> str:
    """A record's id: its file's stem."""
    return posixpath.splitext(posixpath.basename(path))[0]
