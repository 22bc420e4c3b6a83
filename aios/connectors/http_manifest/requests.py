"""Requests from templates: values are data, wherever they stand.

In a path a value is one part of it, percent-encoded; in a query it is one parameter's value; in a body it keeps its type
and is never read as JSON. What is left out of the payload leaves out what it was to fill.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aios.connectors.http import Answer, AnswerError, Service, segment
from aios.domain.keys import canonical_json
from aios.errors import RefusedError, TransientError
from aios.expressions import ExpressionError, evaluate, fill, holes, render, typed

_ABSENT = object()


@dataclass(frozen=True, slots=True)
class Request:
    """What is sent, but for who we are."""

    method: str
    path: str
    query: Mapping[str, Any]
    headers: Mapping[str, str]
    json: Any = None
    form: Mapping[str, str] | None = None

    def send(self, service: Service, *, later: tuple[int, ...] = (), query: Mapping[str, Any] | None = None) -> Answer:
        """`later` are statuses that ask to come back, `query` parameters that are added. Raises as `Service.ask`."""
        params = {**self.query, **(query or {})}
        try:
            return service.ask(
                self.method, self.path, params=params or None, json=self.json, form=self.form, headers=self.headers
            )
        except AnswerError as error:
            if error.status in later:
                raise TransientError(error.message, "try again later") from error
            raise


def request(wanted: str, parts: Mapping[str, Any], values: Mapping[str, Any]) -> Request:
    """`wanted` is `METHOD /path`; `parts` may have query, headers, body and form. Raises RefusedError for values that
    do not fit where they are to stand."""
    method, _, path = wanted.partition(" ")
    try:
        query = filled(parts.get("query", {}), values)
        headers = {name: _text(value) for name, value in filled(parts.get("headers", {}), values).items()}
        form = filled(parts["form"], values) if "form" in parts else None
        return Request(
            method,
            fill(path.strip(), values, _segment),
            {name: _text(value) for name, value in query.items()},
            headers,
            filled(parts["body"], values) if "body" in parts else None,
            {name: _text(value) for name, value in form.items()} if form is not None else None,
        )
    except ExpressionError as error:
        raise RefusedError(error.message, error.hint) from error


def filled(value: Any, values: Mapping[str, Any]) -> Any:
    """A template with its expressions evaluated, without what an absent value was to fill."""
    found = _filled(value, values)
    return None if found is _ABSENT else found


def sentence(template: str, values: Mapping[str, Any]) -> str:
    """A text for people. Raises RefusedError where it cannot be made."""
    try:
        return fill(template, values, _text)
    except ExpressionError as error:
        raise RefusedError(error.message, error.hint) from error


def given(params: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """Parameters as expressions see them: everything that is declared, null where it was left out."""
    found = typed(dict(params), schema)
    return {name: found.get(name) for name in schema["properties"]}


def at(data: Any, path: str) -> Any:
    """What a dotted path leads to in JSON data; None where it leads nowhere."""
    for name in path.split("."):
        if isinstance(data, Mapping):
            data = data.get(name)
        elif isinstance(data, list) and name.isdigit() and int(name) < len(data):
            data = data[int(name)]
        else:
            return None
    return data


def _filled(value: Any, values: Mapping[str, Any]) -> Any:
    if isinstance(value, str):
        if any(evaluate(hole, values) is None for hole in holes(value)):
            return _ABSENT
        return render(value, values)
    if isinstance(value, Mapping):
        found = {name: _filled(each, values) for name, each in value.items()}
        return {name: each for name, each in found.items() if each is not _ABSENT}
    if isinstance(value, list):
        return [each for each in (_filled(each, values) for each in value) if each is not _ABSENT]
    return value


def _segment(value: Any) -> str:
    if value is None:
        raise RefusedError("a part of the address is missing", "give what the path names")
    return segment(_text(value))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else canonical_json(value)
