"""The editor's settings, made from the schemas: one collection a kind of record, one field a property."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from aios.domain.tree import Tree
from aios.editing.fields import Field, field_of
from aios.store.schemas import Kind, Schemas

# What decides (contracts, policies, workflows …) is written with an editor of text, where its comments are seen; what
# was found or decided is written by nobody.
LEFT_OUT = frozenset(
    {
        "agent",
        "case",
        "connector",
        "cursor",
        "evidence",
        "golden",
        "memory-policy",
        "metric",
        "policy",
        "run",
        "shape",
        "workflow",
    }
)
_MEDIA = "state/media"


def editable(schemas: Schemas) -> list[Kind]:
    """The kinds that have a form: not those that a service names, such as its invoices."""
    kinds = [schemas.kind(name) for name in schemas.kinds() if name not in LEFT_OUT]
    return [kind for kind in kinds if (kind.file or kind.directory) and _is_operators(kind, kind.title)]


def _is_operators(kind: Kind, name: str) -> bool:
    return kind.ownership.get(name, "operator") == "operator"


def config(schemas: Schemas, tree: Tree, backend: Mapping[str, Any], *, commented: bool = False) -> dict[str, Any]:
    """The whole configuration, in Decap's format. With `commented` each collection says how many of its files have
    comments that saving there would drop."""
    collections = []
    files = []
    for kind in editable(schemas):
        if kind.file:
            files.append(_single(kind))
            continue
        # Most kinds may be written either way; the second is offered where somebody does.
        used = [each for each in kind.suffixes[1:] if any(path.endswith(each) for path in tree.paths(kind.directory))]
        collections += [_folder(kind, suffix, tree, commented=commented) for suffix in (kind.suffixes[0], *used)]
    if files:
        collections.insert(
            0, {"name": "company-files", "label": "Company", "files": files, "editor": {"preview": False}}
        )
    return {
        "backend": dict(backend),
        "publish_mode": "simple",
        "media_folder": _MEDIA,
        "show_preview_links": False,
        "collections": collections,
    }


def _single(kind: Kind) -> dict[str, Any]:
    return {
        "name": kind.name,
        "label": _label(kind),
        "file": kind.file,
        "format": "yaml",
        "fields": _fields(kind, prose=False),
    }


def _folder(kind: Kind, suffix: str, tree: Tree, *, commented: bool) -> dict[str, Any]:
    prose = suffix == ".md"
    paths = [path for path in tree.paths(kind.directory) if path.endswith(suffix)]
    several = len(kind.suffixes) > 1
    told: dict[str, Any] = {
        "name": f"{kind.name}-texts" if several and prose else kind.name,
        "label": f"{_label(kind)} with text" if several and prose else _label(kind),
        "description": _description(kind, tree, paths if commented else []),
        "folder": kind.directory.rstrip("/"),
        "create": True,
        "slug": "{{slug}}",
        "extension": suffix.removeprefix("."),
        "format": "yaml-frontmatter" if prose else "yaml",
        "identifier_field": kind.title or "schema",
        "editor": {"preview": False},
        "fields": _fields(kind, prose=prose),
    }
    if kind.nested:
        told |= {"nested": {"depth": 4}, "create": False}
    if kind.title:
        told |= {"slug": "{{" + kind.title + "}}", "summary": "{{" + kind.title + "}}"}
    return told


def _fields(kind: Kind, *, prose: bool) -> list[Field]:
    properties, required = kind.schema.get("properties") or {}, kind.schema.get("required") or ()
    told = []
    for name, schema in properties.items():
        if not _is_operators(kind, name):
            continue  # written by aios or a service: it stays as it is
        each = field_of(name, schema, required=name in required, reference=kind.references)
        if name == "schema":
            each = {"name": "schema", "label": "Schema", "widget": "hidden", "default": kind.id}
        if each is not None:
            told.append(each)
    return [*told, {"name": "body", "label": "Text", "widget": "markdown", "required": False}] if prose else told


def shown(kind: Kind) -> frozenset[str]:
    """The properties that have a field: what is missing in what the editor sends was taken out, if it is among them."""
    return frozenset(str(each["name"]) for each in _fields(kind, prose=False)) - {"schema"}


def _label(kind: Kind) -> str:
    return str(kind.schema.get("title") or kind.name)


def _description(kind: Kind, tree: Tree, paths: Sequence[str]) -> str:
    said = str(kind.schema.get("description") or "")
    count = sum(has_comments(tree.read(path) or b"") for path in paths)
    if count:
        said += f" Saving here drops the comments that {count} of these files have; `aios edit` keeps them."
    return said.strip()


def has_comments(content: bytes) -> bool:
    """Comments beside the line that names the schema to editors."""
    head = content.split(b"\n---", 1)[0]
    lines = (line.strip() for line in head.splitlines())
    return any(line.startswith(b"#") and b"yaml-language-server" not in line for line in lines)
