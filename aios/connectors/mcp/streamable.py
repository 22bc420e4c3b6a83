"""A server at an address: JSON-RPC by POST, answered with JSON or with a stream of events (streamable HTTP)."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Generator, Iterator, Mapping
from typing import Any

from aios.connectors.http import Answer, Service
from aios.domain.outside import json_of
from aios.errors import AiosError, TransientError

_ACCEPT = "application/json, text/event-stream"


class Streamable:
    """One session with a server. `headers` grows by what the session agrees on: the protocol's version, its id."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self.headers: dict[str, str] = {}

    def exchange(self, message: Mapping[str, Any], deadline: float) -> Generator[Any, None, None]:
        """Send a request, then give every message that comes back for it, until the caller has enough.

        Raises TransientError where it is too late or the connection breaks, CredentialsError for 401 and 403.
        """
        service = self._service
        with self._posted(message, deadline) as response:
            headers = {name.lower(): value for name, value in response.headers.items()}
            self.headers |= {name: headers[name] for name in ("mcp-session-id",) if name in headers}
            if headers.get("content-type", "").lower().startswith("text/event-stream") and response.status_code < 300:
                service.told(Answer(response.status_code, None, headers))
                yield from self._events(response, deadline)
                return
            data = service.data(service.body(response, deadline), headers, response.status_code)
        answer = Answer(response.status_code, data, headers)
        service.told(answer)
        if isinstance(data, Mapping) and "jsonrpc" in data and answer.status not in {401, 403, 429}:
            yield data  # an error of the protocol, whatever the status beside it
            return
        service.judged(answer)
        if data is not None:
            yield data

    def notify(self, message: Mapping[str, Any], deadline: float) -> None:
        with self._posted(message, deadline) as response:
            body = self._service.body(response, deadline)
            headers = {name.lower(): value for name, value in response.headers.items()}
        if response.status_code >= 300:
            self._service.judged(
                Answer(response.status_code, self._service.data(body, headers, response.status_code), headers)
            )

    def close(self) -> None:
        """Take leave where the server keeps a session; it forgets one by itself where it does not hear it."""
        if "mcp-session-id" not in self.headers:
            return
        with contextlib.suppress(AiosError):
            self._service.ask("DELETE", "", headers=self.headers)

    @contextlib.contextmanager
    def _posted(self, message: Mapping[str, Any], deadline: float) -> Iterator[Any]:
        import httpx2

        service = self._service
        left = deadline - time.monotonic()
        if left <= 0:
            raise TransientError(f"{service.name} did not answer in time", "`timeout` in its settings", sent=False)
        given = {"User-Agent": "aios", **service.credentials(), **self.headers, "Accept": _ACCEPT}
        with (
            service.classified(""),
            httpx2.Client(timeout=left, follow_redirects=False, trust_env=False) as client,
            client.stream("POST", service.base, json=message, headers=given) as response,
        ):
            yield response

    def _events(self, response: Any, deadline: float) -> Iterator[Any]:
        data: list[str] = []
        for line in _lines(self._service, response, deadline):
            name, _, value = line.partition(":")
            if name == "data":
                data.append(value.removeprefix(" "))
            elif not line and data:
                text, data = "\n".join(data), []
                if not text.strip():
                    continue  # a first event without content, by which a stream may be resumed
                try:
                    yield json_of(text)
                except ValueError as error:
                    said = f"{self._service.name} answers with what cannot be read: {error}"
                    raise AiosError(said, "") from error


def _lines(service: Service, response: Any, deadline: float) -> Iterator[str]:
    read, rest = 0, bytearray()
    for chunk in response.iter_bytes():
        read += len(chunk)
        if read > service.limit:
            raise AiosError(f"{service.name} answers with more than {service.limit} bytes", "`bytes` in its settings")
        if time.monotonic() > deadline:
            raise TransientError(f"{service.name} did not answer in time", "`timeout` in its settings")
        rest += chunk
        while (end := rest.find(b"\n")) >= 0:
            yield bytes(rest[:end]).decode(errors="replace").rstrip("\r")
            del rest[: end + 1]
