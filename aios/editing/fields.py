"""A property of a JSON Schema as a field of the editor's form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Field = dict[str, Any]
_LONG = frozenset({"notes", "about", "why", "context", "summary", "description", "goal", "problem", "promise", "voice"})
_ANY = "*"  # a reference to a record of any kind


def field_of(name: str, schema: Mapping[str, Any], *, required: bool, reference: Mapping[str, str]) -> Field | None:
    """The field; None for what no form can show: data of any shape. `reference` gives, by field path, the kind that is
    meant (`product`, `tags[]`)."""
    widget = _widget(name, schema, reference)
    if widget is None:
        return None
    told: Field = {"name": name, "label": str(schema.get("title") or name), "required": required, **widget}
    if schema.get("description"):
        told["hint"] = str(schema["description"])
    if "default" in schema and "default" not in told:
        told["default"] = schema["default"]
    return told


def _widget(name: str, schema: Mapping[str, Any], reference: Mapping[str, str]) -> Field | None:
    if "const" in schema:
        return {"widget": "hidden", "default": schema["const"]}
    kind = _type(schema)
    if kind == "string" or "enum" in schema:
        return _text(name, schema, reference)
    if kind in {"integer", "number"}:
        limits = {short: schema[long] for short, long in (("min", "minimum"), ("max", "maximum")) if long in schema}
        return {"widget": "number", "value_type": "int" if kind == "integer" else "float", **limits}
    if kind == "boolean":
        return {"widget": "boolean"}
    if kind == "array":
        return _list(name, schema.get("items") or {}, reference)
    if kind == "object":
        inner = _fields(name, schema, reference)
        return {"widget": "object", "collapsed": True, "fields": inner} if inner else None
    return None


def _type(schema: Mapping[str, Any]) -> str:
    """Its one type, beside null; empty where it may be of several."""
    told = schema.get("type", "")
    kinds = [each for each in told if each != "null"] if isinstance(told, list) else [told]
    return str(kinds[0]) if len(kinds) == 1 else ""


def _text(name: str, schema: Mapping[str, Any], reference: Mapping[str, str]) -> Field:
    if "enum" in schema:
        return {"widget": "select", "options": list(schema["enum"])}
    if schema.get("format") == "date":
        return {"widget": "datetime", "format": "YYYY-MM-DD", "date_format": "YYYY-MM-DD", "time_format": False}
    wanted = reference.get(name, "")
    if wanted and wanted != _ANY:
        return _relation(wanted)
    told: Field = {"widget": "text" if name in _LONG else "string"}
    if schema.get("pattern"):
        said = schema.get("patternErrorMessage") or "this does not fit"
        told["pattern"] = [schema["pattern"], str(said)]
    return told


def _relation(kind: str) -> Field:
    return {
        "widget": "relation",
        "collection": kind,
        "search_fields": ["{{slug}}"],
        "value_field": "{{slug}}",
        "display_fields": ["{{slug}}"],
    }


def _list(name: str, items: Mapping[str, Any], reference: Mapping[str, str]) -> Field | None:
    wanted = reference.get(f"{name}[]", "")
    if wanted and wanted != _ANY:
        return {**_relation(wanted), "multiple": True}
    if _type(items) == "object":
        inner = _fields(f"{name}[]", items, reference)
        return {"widget": "list", "collapsed": True, "fields": inner} if inner else None
    if "enum" in items:
        return {"widget": "select", "multiple": True, "options": list(items["enum"])}
    if _type(items) == "string":
        return {"widget": "list"} if name in {"tags", "keywords"} else _lines(items)
    return None


def _lines(items: Mapping[str, Any]) -> Field:
    """One text each: a comma is part of it."""
    return {
        "widget": "list",
        "field": {"name": "each", "label": str(items.get("title") or "Entry"), "widget": "string"},
    }


def _fields(place: str, schema: Mapping[str, Any], reference: Mapping[str, str]) -> list[Field] | None:
    """The fields of an object; None where it holds what no form can show, for a form would lose that."""
    properties = schema.get("properties") or {}
    inside = {path.removeprefix(f"{place}."): kind for path, kind in reference.items() if path.startswith(f"{place}.")}
    wanted = schema.get("required") or ()
    told = [field_of(name, each, required=name in wanted, reference=inside) for name, each in properties.items()]
    return [each for each in told if each is not None] if told and all(each is not None for each in told) else None
