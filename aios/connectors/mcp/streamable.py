"""A server at an address: JSON-RPC by POST, answered with JSON or with a stream of events (streamable HTTP)."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from typing import Any

from aios.connectors.http import AnswerError, Service
from aios.errors import AiosError

_ACCEPT = {"Accept": "application/json, text/event-stream"}


class Streamable:
    """One session with a server. `headers` grows by what the session agrees on: the protocol's version, its id."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self.headers: dict[str, str] = {}

    def exchange(self, message: Mapping[str, Any], deadline: float, hear: Callable[[Any], bool]) -> None:
        """Send a request and give `hear` what comes back, until it has enough. The deadline is the service's own.

        Raises TransientError where it is too late or the connection breaks, CredentialsError for 401 and 403.
        """
        del deadline
        try:
            answer = self._service.ask("POST", "", json=message, headers={**self.headers, **_ACCEPT}, hear=hear)
        except AnswerError as error:
            if not isinstance(error.data, Mapping) or "jsonrpc" not in error.data:
                raise
            hear(error.data)  # an error of the protocol says more than the status beside it
            return
        if "mcp-session-id" in answer.headers:
            self.headers["mcp-session-id"] = answer.headers["mcp-session-id"]
        if answer.data is not None:
            hear(answer.data)

    def notify(self, message: Mapping[str, Any], deadline: float) -> None:
        del deadline
        self._service.ask("POST", "", json=message, headers={**self.headers, **_ACCEPT})

    def close(self) -> None:
        """Take leave where the server keeps a session; it forgets one by itself where it does not hear it."""
        if "mcp-session-id" in self.headers:
            with contextlib.suppress(AiosError):
                self._service.ask("DELETE", "", headers=self.headers)
