"""Settings that make editors understand records: completion, hover texts and red underlines from the same schemas."""

from __future__ import annotations

import json
import posixpath

from aios.store.schemas import Schemas

SETTINGS = ".vscode/settings.json"


def editor_settings(schemas: Schemas) -> dict[str, str]:
    """The files to write, by path: which schema is for which files. Front matter has no such mapping in editors."""
    mapping: dict[str, list[str]] = {}
    for name in schemas.kinds():
        kind = schemas.kind(name)
        if kind.file:
            mapping[f"./{kind.path}"] = [f"/{kind.file}"]
        elif ".yaml" in kind.suffixes:
            mapping[f"./{kind.path}"] = [f"/{kind.directory}**/*.yaml"]
    settings = {
        "yaml.schemas": mapping,
        "yaml.customTags": [],
        "yaml.yamlVersion": "1.2",
        "files.associations": {"*.yaml": "yaml"},
        "files.exclude": {"**/.aios": True},
    }
    return {SETTINGS: json.dumps(settings, indent=2, ensure_ascii=False) + "\n"}


def schema_line(path: str, schemas: Schemas) -> str:
    """The first line that names a YAML file's schema to editors; empty for a path of no kind and for front matter."""
    name = schemas.kind_of(path)
    if name is None or not path.endswith(".yaml"):
        return ""
    relative = posixpath.relpath(schemas.kind(name).path, posixpath.dirname(path))
    return f"# yaml-language-server: $schema={relative}\n"
