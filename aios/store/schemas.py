"""The kinds of records, as `state/schemas/<kind>.v<N>.json` declares them: the one declaration of every format.

Which file belongs to which kind, and whether it is in order. The newest version of a kind is the one that counts;
older ones stay so that old records can be brought up to it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Any

from aios.domain.finding import Finding
from aios.domain.keys import digest
from aios.domain.names import SCHEMAS
from aios.domain.record import Document
from aios.domain.tree import Tree
from aios.store.explain import explain
from aios.store.upcast import UPCASTERS, Upcaster, upcast

_NAME = re.compile(r"(?P<kind>[a-z][a-z0-9-]*)\.v(?P<version>[1-9][0-9]{0,3})\.json\Z")
_SUFFIXES = {"yaml": (".yaml",), "md": (".md",)}


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind, from its newest schema.

    `directory` ends with `/` and starts at the root (empty where `file` names the kind's single file). `suffixes` are
    those of its records, `companions` those of files beside them that belong to them. `unique` and `references` hold
    field paths (`tags[]`, `items[].product`, `*` for any key). `nested` says that ids are unique within a directory
    only. `hash` stands for all versions of the schema.
    """

    name: str
    version: int
    path: str
    directory: str
    file: str
    suffixes: tuple[str, ...]
    companions: tuple[str, ...]
    title: str
    unique: tuple[str, ...]
    references: Mapping[str, str]
    ownership: Mapping[str, str]
    nested: bool
    same_title: bool
    schema: Mapping[str, Any]
    hash: str
    upcasts: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """What a record says under `schema`."""
        return f"{self.name}.v{self.version}"


class Schemas:
    """All kinds of one tree. Validators are compiled when first needed and live as long as this object."""

    def __init__(self, kinds: Mapping[str, Kind], *, upcasters: Mapping[tuple[str, int], Upcaster] = UPCASTERS) -> None:
        self._kinds = dict(sorted(kinds.items()))
        self._upcasters = upcasters
        self._valid: dict[str, Callable[[Any], bool] | None] = {}

    @classmethod
    def from_tree(
        cls, tree: Tree, *, upcasters: Mapping[tuple[str, int], Upcaster] = UPCASTERS
    ) -> tuple[Schemas, list[Finding]]:
        """Every kind that can be read, and what is wrong with the others."""
        loaded: dict[str, dict[int, tuple[str, dict[str, Any], bytes]]] = {}
        findings: list[Finding] = []
        for path in tree.paths(SCHEMAS):
            if not path.endswith(".json"):
                continue
            content = tree.read(path) or b""
            schema, finding = _loaded(path, content)
            if finding:
                findings.append(finding)
            elif schema is not None and _is_kind(schema):
                named = _NAME.match(path.removeprefix(SCHEMAS))
                if named is None:
                    findings.append(
                        Finding(
                            path, 1, 1, "schema-name", "the file's name is not a kind and a version", "kind.v1.json"
                        )
                    )
                else:
                    loaded.setdefault(named["kind"], {})[int(named["version"])] = (path, schema, content)
        kinds: dict[str, Kind] = {}
        for name, versions in loaded.items():
            kind, problem = _kind(name, versions)
            if kind:
                kinds[name] = kind
            findings += problem
        return cls(kinds, upcasters=upcasters), findings

    def kinds(self) -> tuple[str, ...]:
        return tuple(self._kinds)

    def kind(self, name: str) -> Kind:
        """Raises KeyError for a kind that no schema declares."""
        return self._kinds[name]

    def schema(self, kind: str) -> Mapping[str, Any]:
        return self._kinds[kind].schema

    def kind_of(self, path: str) -> str | None:
        """The kind of record that belongs at this path; the longest directory wins."""
        directory, slash, name = path.rpartition("/")
        if name == "README.md":
            return None
        if path in self._files:
            return self._files[path]
        while slash:
            for kind in self._directories.get(f"{directory}/", ()):
                if path.endswith(kind.suffixes):
                    return kind.name
            directory, slash, _ = directory.rpartition("/")
        return None

    def is_companion(self, path: str) -> bool:
        """Does the file belong to a record beside it (an agent's instructions)?"""
        return any(
            path.startswith(kind.directory) and path.endswith(kind.companions)
            for kind in self._kinds.values()
            if kind.directory and kind.companions
        )

    def validate(self, document: Document) -> list[Finding]:
        """What is wrong with the document by its kind's schema; nothing for files that are no records."""
        return self.read(document)[1]

    def read(self, document: Document) -> tuple[Mapping[str, Any] | None, list[Finding]]:
        """The document's data brought up to the newest schema, or None and the findings that say why not."""
        name = self.kind_of(document.path)
        if name is None:
            return None, []
        kind = self._kinds[name]
        data, finding = self._newest(kind, document)
        if finding:
            return None, [finding]
        valid = self._validator(kind)
        if valid is None:  # fail closed; `check` says what is wrong with the schema
            message = f"cannot be checked, for {kind.path} is not in order"
            return None, [Finding(document.path, 0, 0, "schema-broken", message, "see the findings of the schema")]
        if valid(data):
            return data, []
        return None, explain(kind.schema, data, document, kind=kind.name)

    def _newest(self, kind: Kind, document: Document) -> tuple[Any, Finding | None]:
        stated = document.data.get("schema")
        if stated == kind.id:
            return document.data, None
        version = _version_of(kind.name, stated)
        if version is None:
            return None, _no_version(kind, document, stated)
        place = (document.path, *document.position(("schema",)))
        if version > kind.version:
            message = f"`{stated}` is newer than the newest schema here, `{kind.id}`"
            return None, Finding(*place, "schema-newer", message, f"add {SCHEMAS}{stated}.json, or update aios")
        data = upcast(kind.name, version, kind.version, document.data, declared=kind.upcasts, upcasters=self._upcasters)
        if data is None:
            message = f"nothing tells how a `{stated}` becomes a `{kind.id}`"
            hint = f"bring it to {kind.id} by hand, or declare `upcast` in {kind.path}"
            return None, Finding(*place, "schema-older", message, hint)
        return data, None

    def _validator(self, kind: Kind) -> Callable[[Any], bool] | None:
        if kind.name not in self._valid:
            from aios.store.validators import compiled

            self._valid[kind.name] = compiled(kind.schema)
        return self._valid[kind.name]

    @cached_property
    def _files(self) -> dict[str, str]:
        return {kind.file: kind.name for kind in self._kinds.values() if kind.file}

    @cached_property
    def _directories(self) -> dict[str, list[Kind]]:
        places: dict[str, list[Kind]] = {}
        for kind in self._kinds.values():
            if kind.directory:
                places.setdefault(kind.directory, []).append(kind)
        return places


def _version_of(kind: str, stated: object) -> int | None:
    """The version in `customer.v1`, for this very kind."""
    head, dot, number = str(stated).rpartition(".v")
    return int(number) if dot and head == kind and number.isdecimal() and len(number) < 5 else None


def _no_version(kind: Kind, document: Document, stated: object) -> Finding:
    """The document does not say that it is of the kind that its place makes it."""
    place = (document.path, *document.position(("schema",)))
    if not document.data and document.body is not None:
        message = f"a {kind.name} needs front matter"
        return Finding(*place, "front-matter", message, f"begin with `---`, `schema: {kind.id}`")
    if stated is None:
        message = f"`schema` is missing; this file's place makes it a {kind.name}"
        return Finding(*place, "schema-missing", message, f"add `schema: {kind.id}`")
    message = f"`schema` is `{str(stated)[:60]}`; expected `{kind.id}`"
    return Finding(*place, "schema-kind", message, f"records of this kind lie under {kind.directory or kind.file}")


def _loaded(path: str, content: bytes) -> tuple[dict[str, Any] | None, Finding | None]:
    try:
        schema = json.loads(content)
    except json.JSONDecodeError as error:
        return None, Finding(path, error.lineno, error.colno, "schema-json", f"this is not JSON: {error.msg}")
    except (ValueError, RecursionError):
        return None, Finding(
            path, 1, 1, "schema-json", "this is not JSON in UTF-8", "save it as UTF-8, less deeply nested"
        )
    if not isinstance(schema, dict):
        return None, Finding(path, 1, 1, "schema-json", "a schema is a JSON object", "see the other schemas")
    return schema, None


def _is_kind(schema: Mapping[str, Any]) -> bool:
    about = schema.get("x-aios")
    return not isinstance(about, dict) or "role" not in about


def _kind(name: str, versions: Mapping[int, tuple[str, dict[str, Any], bytes]]) -> tuple[Kind | None, list[Finding]]:
    version = max(versions)
    path, schema, _ = versions[version]
    about = schema.get("x-aios")
    if not isinstance(about, dict) or not (about.get("directory") or about.get("file")):
        hint = 'add "x-aios": {"directory": "…"}, or {"role": "…"} if it describes no records'
        return None, [Finding(path, 1, 1, "schema-place", f"nothing says where records of kind `{name}` lie", hint)]
    problem = _about_problem(about)
    if problem:
        return None, [Finding(path, 1, 1, "schema-invalid", problem, "see the other schemas")]
    directory = str(about.get("directory", ""))
    if directory:
        directory = directory if "/" in directory else f"state/{directory}/"
        directory = directory if directory.endswith("/") else f"{directory}/"
    return (
        Kind(
            name=name,
            version=version,
            path=path,
            directory="" if about.get("file") else directory,
            file=str(about.get("file", "")),
            suffixes=_suffixes(about.get("formats", ["yaml", "md"])),
            companions=_suffixes(about.get("companions", [])),
            title=str(about.get("title", "")),
            unique=tuple(about.get("unique", ())),
            references=MappingProxyType(dict(about.get("references", {}))),
            ownership=MappingProxyType(dict(about.get("ownership", {}))),
            nested=about.get("id") == "path",
            same_title=about.get("same_title") == "allowed",
            schema=schema,
            hash=digest(b"\0".join(versions[number][2] for number in sorted(versions))),
            upcasts=about.get("upcast", {}),
        ),
        [],
    )


def _suffixes(formats: list[str]) -> tuple[str, ...]:
    return tuple(suffix for name in formats for suffix in _SUFFIXES.get(name, ()))


_SHAPES: Mapping[str, tuple[type, str]] = {
    "directory": (str, "text"),
    "file": (str, "text"),
    "title": (str, "text"),
    "formats": (list, "a list"),
    "companions": (list, "a list"),
    "unique": (list, "a list"),
    "references": (dict, "a mapping"),
    "ownership": (dict, "a mapping"),
    "upcast": (dict, "a mapping"),
    "id": (str, "text"),
    "same_title": (str, "text"),
}


def _about_problem(about: Mapping[str, Any]) -> str | None:
    for name, value in about.items():
        if name not in _SHAPES:
            return f"`x-aios` has no field `{name}`"
        shape, words = _SHAPES[name]
        inner = value.values() if isinstance(value, dict) and name != "upcast" else value if shape is list else ()
        if not isinstance(value, shape) or any(not isinstance(item, str) for item in inner):
            return f"`{name}` in `x-aios` must be {words} of text" if shape is not str else f"`{name}` must be {words}"
    for step, rules in about.get("upcast", {}).items():
        known = isinstance(rules, dict) and rules.keys() <= {"rename", "set", "drop"}
        if not known or not isinstance(rules.get("rename", {}), dict) or not isinstance(rules.get("set", {}), dict):
            return f"`upcast` from version {step} must be {{rename: …, set: …, drop: […]}}"
        names = [*rules.get("rename", {}).values(), *rules.get("drop", ())]
        if any(not isinstance(name, str) for name in names):
            return f"`upcast` from version {step} names a field that is not text"
    return None
