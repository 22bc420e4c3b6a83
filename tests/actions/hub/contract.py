"""GitHub's own description of its REST API (pruned, see tests/forge): what is asked is held to it, and so is what the
hub answers. It also fills in what GitHub's answers have and nobody here looks at."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # of the extra `peers`
    from openapi_core import OpenAPI


DESCRIPTION = Path(__file__).parents[2] / "forge" / "github-openapi.json"
HOST = "https://api.github.com"
_MISSING = object()
_EVERYWHERE = frozenset({401, 403, 404})
# Parameters that may hold slashes: the description's paths match one segment each.
_FOLDED = tuple(
    re.compile(each)
    for each in (
        r"(/contents/)(.+)$",
        r"(/git/(?:matching-)?refs?/)(.+)$",
        r"(/branches/)(.+?)(?=/protection|$)",
        r"(/commits/)(.+?)(?=/(?:check-runs|statuse?s?|pulls)$|$)",
    )
)


@cache
def description() -> dict[str, Any]:
    told: dict[str, Any] = json.loads(DESCRIPTION.read_bytes())
    return told


@cache
def _api() -> OpenAPI:
    from openapi_core import Config, OpenAPI

    return OpenAPI.from_dict(description(), config=Config(spec_validator_cls=None))  # type: ignore[arg-type]  # as its documentation says


def folded(path: str) -> str:
    for pattern in _FOLDED:
        path = pattern.sub(lambda found: found[1] + found[2].replace("/", "__"), path)
    return path


class Exchange:
    """One request as the description sees it."""

    def __init__(
        self, method: str, path: str, query: Mapping[str, str], headers: Mapping[str, str], body: bytes
    ) -> None:
        from openapi_core.testing import MockRequest

        self._asked = MockRequest(
            HOST,
            method.lower(),
            folded(path),
            args=dict(query),
            headers=dict(headers),
            data=body or None,
            content_type="application/json",
        )

    def problem(self) -> str:
        """What GitHub would not understand of the request; empty where it is as described."""
        return _told(lambda: _api().validate_request(self._asked))

    def problem_of(self, status: int, body: bytes) -> str:
        """Refusals that every endpoint has are described at few of them."""
        if status in _EVERYWHERE:
            return ""
        from openapi_core.testing import MockResponse

        answer = MockResponse(body, status_code=status, content_type="application/json")
        return _told(lambda: _api().validate_response(self._asked, answer)) if body else ""


def _told(check: Any) -> str:
    try:
        check()
    except Exception as error:  # noqa: BLE001  of many kinds, all of which mean the same
        reasons = [str(each.message) for each in getattr(error.__cause__, "schema_errors", [])]
        return f"{type(error).__name__}: {error} {'; '.join(reasons)}"
    return ""


def answer_of(template: str, method: str, status: int, told: Any) -> Any:
    """What the hub tells, with everything else that GitHub's answer must have."""
    answers = description()["paths"][template][method.lower()]["responses"]
    answer = _resolved(answers.get(str(status), {}))
    schema = answer.get("content", {}).get("application/json", {}).get("schema")
    return _filled(schema, told) if schema else told


def _resolved(node: Any) -> Any:
    while isinstance(node, dict) and "$ref" in node:
        _, _, kind, name = node["$ref"].split("/", 3)
        node = description()["components"][kind][name]
    return node


def _filled(schema: Any, told: Any) -> Any:
    schema = _resolved(schema)
    if told is None:
        return None
    options = [_resolved(each) for each in schema.get("anyOf", schema.get("oneOf", []))]
    if options and "properties" not in schema:
        if told is _MISSING and (
            schema.get("nullable") or any(each.get("nullable") or each.get("type") == "null" for each in options)
        ):
            return None
        kinds: dict[type, str] = {dict: "object", list: "array", str: "string"}
        kind = kinds.get(type(told), "")
        chosen = [
            each
            for each in options
            if not kind or each.get("type") == kind or (kind == "object" and ("properties" in each or "allOf" in each))
        ]
        return _filled((chosen or options)[0], told)
    for part in schema.get("allOf", []):
        told = _filled(part, told)
    if told is _MISSING and (
        schema.get("nullable") or "null" in (schema.get("type") if isinstance(schema.get("type"), list) else [])
    ):
        return None
    return _by_type(schema, told)


def _by_type(schema: Mapping[str, Any], told: Any) -> Any:
    kind = schema.get("type", "object" if "properties" in schema else "")
    kind = next((each for each in kind if each != "null"), "") if isinstance(kind, list) else kind
    if kind == "object" and (told is _MISSING or isinstance(told, Mapping)):
        given = dict(told) if isinstance(told, Mapping) else {}
        known = schema.get("properties", {})
        made = {name: _filled(known[name], given[name]) if name in known else given[name] for name in given}
        wanted = [name for name in schema.get("required", []) if name not in given]
        return made | {name: _filled(known.get(name, {}), _MISSING) for name in wanted}
    if kind == "array" and isinstance(told, list):
        return [_filled(schema.get("items", {}), each) for each in told]
    return _default(schema, kind) if told is _MISSING else told


def _default(schema: Mapping[str, Any], kind: str) -> Any:
    if "enum" in schema:
        return schema["enum"][0]
    if kind == "string":
        formats = {"uri": "https://hub.example/", "date-time": "2026-01-01T00:00:00Z", "email": "a@hub.example"}
        return formats.get(schema.get("format", ""), "")
    return {"integer": 0, "number": 0, "boolean": False, "array": []}.get(kind)
