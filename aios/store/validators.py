"""JSON Schema, draft 07: one compiled validator for a verdict on many files. Nothing is ever fetched."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from aios.store.formats import FORMATS


def compiled(schema: Mapping[str, Any]) -> Callable[[Any], bool] | None:
    """A function that says whether a value is valid; None where the schema itself is not in order."""
    import jsonschema_rs  # 90 ms: only where a verdict is not known yet

    try:
        valid: Callable[[Any], bool] = _compile(schema).is_valid
    except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError, ValueError):
        return None
    return valid


def problem_of(schema: Mapping[str, Any]) -> str:
    """What keeps the schema from being one, in a line; an empty string where it is in order."""
    import jsonschema_rs

    try:
        _compile(schema)
    except jsonschema_rs.ValidationError as error:
        place = "".join(f"/{part}" for part in error.instance_path) or "/"
        return f"{place}: {str(error.message)[:200]}"
    except (jsonschema_rs.ReferencingError, ValueError) as error:
        return str(error).partition("\n")[0][:200]
    return ""


def complaints(schema: Mapping[str, Any], value: Any) -> list[tuple[tuple[str | int, ...], str]]:
    """The fast validator's own words, as (where, message): the fallback where nothing better explains a verdict."""
    return [(tuple(error.instance_path), str(error.message)[:200]) for error in _compile(schema).iter_errors(value)]


def _compile(schema: Mapping[str, Any]) -> Any:
    import jsonschema_rs

    return jsonschema_rs.Draft7Validator(dict(schema), formats=dict(FORMATS), validate_formats=True, offline=True)
