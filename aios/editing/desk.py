"""What the editor's page asks for, answered from the repository: entries are read from main, and what is saved becomes
a commit of the operator's.

The editor writes whole files, in its own hand. Here only the fields that differ are changed in the text that is there,
so comments, order and quoting stay; fields without a form stay; what others committed since the form was opened is
merged field by field. What would not pass `aios check` is refused with its finding, and nothing is written.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from aios.domain.finding import Finding, Severity
from aios.domain.front_matter import render_markdown, render_yaml
from aios.domain.record import ref_of
from aios.domain.tree import Changeset, Tree
from aios.editing.config import editable, shown
from aios.errors import RefusedError, UsageError
from aios.store.documents import parse
from aios.store.edit import DELETE, edit, same
from aios.store.editor import schema_line
from aios.store.merge import merge_documents
from aios.store.schemas import Kind, Schemas
from aios.store.trees import OverlayTree

_EMPTY: tuple[object, ...] = (None, "", [], {})
LARGEST = 1024 * 1024  # bytes of one file


@dataclass
class Desk:
    """`tree()` is main now; `check(tree)` every finding of a tree; `commit(message, changes, seen)` puts changes on
    main, which must still have what the tree `seen` has there.

    One of it serves one page: it remembers each file as that page was given it.
    """

    tree: Callable[[], Tree]
    check: Callable[[Tree], Sequence[Finding]]
    commit: Callable[[str, Changeset, Tree], None]
    name: str = "company"
    _given: dict[str, bytes] = field(default_factory=dict)

    def answer(self, action: str, params: Mapping[str, Any]) -> Any:
        """One request of the editor's local protocol. Raises UsageError for what it does not know, RefusedError for
        what may not be written."""
        match action:
            case "info":
                return {"repo": self.name, "publish_modes": ["simple"], "type": "aios"}
            case "entriesByFolder":
                return self._entries(str(params.get("folder", "")), str(params.get("extension", "")))
            case "entriesByFiles":
                return [self._entry(str(each["path"])) for each in params.get("files") or ()]
            case "getEntry":
                return self._entry(str(params.get("path", "")))
            case "persistEntry":
                return self._persist(params)
            case "deleteFiles":
                return self._delete([str(path) for path in params.get("paths") or ()])
            case "getMedia":
                return []
            case "getDeployPreview":
                return None
            case "persistMedia" | "getMediaFile":
                raise RefusedError("pictures are not kept here", "put them beside your site")
        raise UsageError(f"the editor asks for `{action[:40]}`, which is not known here")

    # Reading

    def _entries(self, folder: str, extension: str) -> list[dict[str, Any]]:
        tree, schemas = self._now()
        prefix, suffix = f"{folder.rstrip('/')}/", f".{extension.lstrip('.')}"
        paths = [path for path in tree.paths(prefix) if path.endswith(suffix)]
        return [self._told(tree, path) for path in paths if _is_editable(schemas, path)]

    def _entry(self, path: str) -> dict[str, Any]:
        tree, schemas = self._now()
        _kind(schemas, path)
        return self._told(tree, path)

    def _told(self, tree: Tree, path: str) -> dict[str, Any]:
        content = tree.read(path)
        if content is not None:
            self._given[path] = content
        data = None if content is None else content.decode(errors="replace")
        return {"data": data, "file": {"path": path, "label": path, "id": hashlib.sha256(content or b"").hexdigest()}}

    # Writing

    def _persist(self, params: Mapping[str, Any]) -> dict[str, str]:
        if params.get("assets"):
            raise RefusedError("pictures are not kept here", "put them beside your site")
        files = params.get("dataFiles") or ([params["entry"]] if params.get("entry") else [])
        changes: dict[str, bytes | None] = {}
        for each in files:
            path, new = str(each["path"]), str(each.get("newPath") or each["path"])
            changes[new] = self._content(path, new, str(each["raw"]))
            if new != path:
                changes[path] = None
        self._write(changes)
        return {"message": "entry persisted"}

    def _delete(self, paths: list[str]) -> dict[str, str]:
        self._write(dict.fromkeys(paths))
        return {"message": "deleted"}

    def _content(self, path: str, new: str, raw: str) -> bytes:
        """What the file becomes."""
        tree, schemas = self._now()
        kind = _kind(schemas, path)
        if _kind(schemas, new) is not kind:
            raise RefusedError(f"{new} is no place for {kind.name}", f"keep it below {kind.directory}")
        if len(raw.encode()) > LARGEST:
            raise RefusedError(f"{path} is larger than 1 MiB", "split it")
        document, findings = parse(path, raw.encode())
        if document is None:
            raise RefusedError(f"what the editor wrote cannot be read: {findings[0].message}")
        now, given = tree.read(path), self._given.get(path)
        if now is None:
            data = {name: value for name, value in document.data.items() if value not in _EMPTY}
            data = {"schema": kind.id, **data}
            if path.endswith(".md"):
                return render_markdown(data, document.body or "").encode()
            return (schema_line(new, schemas) + render_yaml(data)).encode()
        base = given if given is not None else now
        wanted = _changed(path, base, document.data, document.body, shown(kind))
        merged = merge_documents(path, base, now, wanted)
        if merged.conflicts:
            places = ", ".join(".".join(map(str, each.where)) or "the text" for each in merged.conflicts)
            raise RefusedError(
                f"{ref_of(path)} was changed meanwhile: {places}", "reload the page; your words are in it"
            )
        return merged.content or b""

    def _write(self, changes: Changeset) -> None:
        tree, schemas = self._now()
        for path in changes:
            _kind(schemas, path)
        changes = {path: content for path, content in changes.items() if tree.read(path) != content}
        if not changes:
            return
        known = {(each.path, each.rule, each.message) for each in self.check(tree)}
        after = OverlayTree(tree, changes)
        for finding in self.check(after):
            if finding.severity is Severity.ERROR and (finding.path, finding.rule, finding.message) not in known:
                raise RefusedError(f"{ref_of(finding.path)}: {finding.message}", finding.hint)
        self.commit(_message(tree, changes), changes, tree)
        for path, content in changes.items():
            if content is None:
                self._given.pop(path, None)
            else:
                self._given[path] = content

    def _now(self) -> tuple[Tree, Schemas]:
        tree = self.tree()
        return tree, Schemas.from_tree(tree)[0]


def _changed(path: str, base: bytes, data: Mapping[str, Any], body: str | None, fields: frozenset[str]) -> bytes:
    """The base with what the form changed, in the base's own hand."""
    document, findings = parse(path, base)
    if document is None:
        raise RefusedError(
            f"{ref_of(path)} cannot be read: {findings[0].message}", "mend the file first (`aios check`)"
        )
    changes: dict[Any, Any] = {}
    for name, value in data.items():
        before = document.data.get(name)
        if name != "schema" and not same(before, value) and not (value in _EMPTY and before in _EMPTY):
            changes[name] = DELETE if value in _EMPTY else value
    gone = [name for name in document.data if name in fields and name not in data]
    changes |= dict.fromkeys(gone, DELETE)
    before_body = document.body
    new_body = (
        None if body is None or before_body is None or body.strip() == before_body.strip() else body.rstrip() + "\n"
    )
    return edit(base.decode(), changes, body=new_body).encode()


def _is_editable(schemas: Schemas, path: str) -> bool:
    name = schemas.kind_of(path)
    return name is not None and any(kind.name == name for kind in editable(schemas))


def _kind(schemas: Schemas, path: str) -> Kind:
    """Raises RefusedError for a path that the editor has no business with."""
    parts = path.split("/")
    if path.startswith("/") or any(part in {"", ".", ".."} for part in parts) or not _is_editable(schemas, path):
        raise RefusedError(f"{path[:100]!r} is not edited here", "use an editor of text")
    return schemas.kind(schemas.kind_of(path) or "")


def _message(tree: Tree, changes: Changeset) -> str:
    names = [ref_of(path) for path in changes]
    gone = all(content is None for content in changes.values())
    new = all(tree.read(path) is None for path in changes)
    return f"{'Remove' if gone else 'Add' if new else 'Edit'} {', '.join(names[:3])}{' …' if len(names) > 3 else ''}"
