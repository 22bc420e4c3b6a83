"""Handing a trace to a collector or a tracing backend, because the operator said so."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from http import HTTPStatus
from http.client import HTTPException
from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit

from aios.domain.event import one_line
from aios.errors import AiosError, UsageError

PATH = "/v1/traces"
_ANSWER = 64 * 1024  # bytes that are read of what it answers


def send(request: Mapping[str, Any], url: str, *, headers: Mapping[str, str], timeout: float = 30.0) -> str:
    """POST an OTLP request; where it went. Raises AiosError where it was not taken, or not all of it."""
    to = endpoint(url)
    asked = urllib.request.Request(  # noqa: S310  `endpoint` lets http and https through, nothing else
        to,
        data=json.dumps(request, ensure_ascii=False).encode(),
        headers={"Content-Type": "application/json", "User-Agent": "aios", **headers},
        method="POST",
    )
    try:
        with urllib.request.build_opener(_NoDetour).open(asked, timeout=timeout) as answer:
            rejected = _rejected(answer.read(_ANSWER))
    except urllib.error.HTTPError as error:
        with error:
            raise _refused(to, error) from error
    except (OSError, HTTPException) as error:
        reason = getattr(error, "reason", "") or error
        raise AiosError(f"{to} cannot be reached: {one_line(str(reason))}", "is it running there?") from error
    if rejected:
        raise AiosError(f"{to} did not take all of it: {rejected}")
    return to


def endpoint(url: str) -> str:
    """Where traces go: an address without a path gets OTLP's. Raises UsageError for what is no web address."""
    try:
        parts = urlsplit(url.strip())
        whole = parts.scheme in {"http", "https"} and parts.hostname and (parts.port or True)
    except ValueError:
        whole = False
    if not whole or any(ord(char) <= 32 or ord(char) == 127 for char in url.strip()):
        raise UsageError(f"`{one_line(url)}` is no address to send to", "like http://localhost:4318")
    return urlunsplit(parts._replace(path=PATH, fragment="")) if parts.path in {"", "/"} else url.strip()


def headers_of(text: str) -> dict[str, str]:
    """`name=value` pairs with commas between them, as OTEL_EXPORTER_OTLP_HEADERS has them. Raises UsageError."""
    found = {}
    for pair in filter(None, (each.strip() for each in text.split(","))):
        name, equals, value = pair.partition("=")
        value = unquote(value.strip())
        if not equals or not name.strip().replace("-", "").replace("_", "").isalnum() or not value.isprintable():
            # What was given may be a key: it is not repeated.
            raise UsageError("a header that was given cannot be sent", "name=value,name=value, the values URL-encoded")
        found[name.strip()] = value
    return found


class _NoDetour(urllib.request.HTTPRedirectHandler):
    """What was meant for one address, with its keys, is not carried on to another."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


def _refused(to: str, error: urllib.error.HTTPError) -> AiosError:
    said = one_line(error.read(_ANSWER).decode(errors="replace"), 200)
    hint = {
        HTTPStatus.UNAUTHORIZED: "--headers name=value gives what it asks for",
        HTTPStatus.FORBIDDEN: "--headers name=value gives what it asks for",
        HTTPStatus.NOT_FOUND: f"most take traces at {PATH}",
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE: "it takes no OTLP as JSON; a collector in between does",
    }.get(HTTPStatus(error.code) if error.code in set(HTTPStatus) else HTTPStatus.OK, "")
    if error.code in range(300, 400):
        hint = f"it points to {one_line(error.headers.get('Location') or 'nowhere')}; send it there if you trust that"
    return AiosError(f"{to} answers {error.code} {one_line(str(error.reason))}: {said}".rstrip(": "), hint)


def _rejected(answer: bytes) -> str:
    """What a backend says it left out; empty where it took everything (or says nothing that can be read)."""
    try:
        partial = json.loads(answer or b"{}").get("partialSuccess") or {}
        count = int(partial.get("rejectedSpans") or 0)
    except (ValueError, AttributeError, TypeError):
        return ""
    return f"{count} spans rejected, “{one_line(str(partial.get('errorMessage', '')))}”" if count else ""
