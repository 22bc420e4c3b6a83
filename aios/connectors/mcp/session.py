"""A conversation with an MCP server: agree on a protocol, list the tools, call one."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

from aios.domain.event import one_line
from aios.domain.keys import key_of
from aios.errors import AiosError, RefusedError, TransientError

SPOKEN = ("2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05")  # with a handshake, the newest first
STATELESS = "2026-07-28"  # without one: each request says what the handshake would
_CLIENT = {"name": "aios", "version": "1"}
_META = "io.modelcontextprotocol/"
_UNSUPPORTED, _NO_METHOD = -32022, -32601
_UNTOUCHED = frozenset({-32700, -32600, -32601, -32602})  # the request itself was refused: nothing was done
_PAGES, _TOOLS = 50, 2_000


class Wire(Protocol):
    """How messages go to a server and come back."""

    def exchange(self, message: Mapping[str, Any], deadline: float, hear: Callable[[Any], bool]) -> None: ...

    def notify(self, message: Mapping[str, Any], deadline: float) -> None: ...

    def close(self) -> None: ...


class ProtocolError(AiosError):
    """The server answers a request with an error of the protocol."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool as its server describes it. `schema` is that of its arguments; all of it is text from outside."""

    name: str
    description: str
    schema: Mapping[str, Any]

    @property
    def hash(self) -> str:
        """What the operator agrees to: the name and every word of the schema."""
        return key_of("mcp-tool", self.name, self.schema)


@dataclass(slots=True)
class Session:
    """`timeout` is in seconds for each request. `headers` are the wire's, where it has any; `version` is that of the
    protocol, empty until it is agreed on."""

    name: str
    wire: Wire
    timeout: float
    headers: dict[str, str] = field(default_factory=dict)
    server: str = ""
    version: str = ""
    _last: int = 0

    def begin(self) -> None:
        """Agree on a protocol. Raises RefusedError where there is none that both speak."""
        if self.version:
            return
        hello = {"protocolVersion": SPOKEN[0], "capabilities": {}, "clientInfo": _CLIENT}
        try:
            found = self._request("initialize", hello)
        except ProtocolError as error:
            if error.code not in {_UNSUPPORTED, _NO_METHOD}:
                raise
            self.version = STATELESS
            return
        version, info = found.get("protocolVersion"), found.get("serverInfo")
        if version not in SPOKEN:
            said = one_line(str(version), 40)
            raise RefusedError(f"{self.name} speaks version {said} of MCP", f"aios speaks {', '.join(SPOKEN)}")
        if isinstance(info, Mapping):
            self.server = one_line(f"{info.get('name', '')} {info.get('version', '')}", 80)
        self.version = str(version)
        self.headers["mcp-protocol-version"] = self.version
        self.wire.notify({"jsonrpc": "2.0", "method": "notifications/initialized"}, self._deadline())

    def tools(self) -> dict[str, Tool]:
        """What the server offers, by name; so many and no more."""
        found: dict[str, Tool] = {}
        cursor: Any = None
        for _ in range(_PAGES):
            page = self._request("tools/list", {"cursor": cursor} if isinstance(cursor, str) else {})
            for each in page.get("tools") or ():
                if isinstance(each, Mapping) and isinstance(each.get("name"), str):
                    schema = each.get("inputSchema")
                    schema = schema if isinstance(schema, Mapping) else {}
                    found[each["name"]] = Tool(each["name"], str(each.get("description") or ""), schema)
            cursor = page.get("nextCursor")
            if not cursor or len(found) >= _TOOLS:
                break
        return found

    def call(self, tool: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        """What a tool answers, errors of its own (`isError`) included.

        Raises RefusedError where the server refuses the call as such, TransientError where nobody knows what became
        of it.
        """
        try:
            found = self._request("tools/call", {"name": tool, "arguments": dict(arguments)})
        except ProtocolError as error:
            if error.code in _UNTOUCHED:
                raise RefusedError(error.message, "`aios connectors test` shows what its tools take") from error
            raise TransientError(error.message, "try again later") from error
        kind = found.get("resultType", "complete")
        if kind != "complete":
            said = one_line(str(kind), 40)
            raise AiosError(f"{self.name}: {one_line(tool, 60)} does not answer but wants more ({said})", "")
        return found

    def _deadline(self) -> float:
        return time.monotonic() + self.timeout

    def _request(self, method: str, params: Mapping[str, Any]) -> Mapping[str, Any]:
        self._last += 1
        number, deadline = self._last, self._deadline()
        if self.version == STATELESS:
            params = {**params, "_meta": _meta()}
            self.headers |= {"mcp-protocol-version": STATELESS, "mcp-method": method}
            self.headers |= {"mcp-name": _header(str(params["name"]))} if "name" in params else {}
        message = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
        answers: list[Mapping[str, Any]] = []

        def hear(said: Any) -> bool:
            if not isinstance(said, Mapping):
                return False
            if "method" in said:
                self._answered(said, deadline)
            elif said.get("id") == number or (said.get("id") is None and "error" in said):
                answers.append(said)
            return bool(answers)

        self.wire.exchange(message, deadline, hear)
        if not answers:
            raise TransientError(f"{self.name} broke off before it answered", "try again later")
        return self._result(answers[0])

    def _answered(self, asked: Mapping[str, Any], deadline: float) -> None:
        """A server may ask too: whether we are there we tell it, and refuse the rest (models, files, the person)."""
        if "id" not in asked:
            return
        told: dict[str, Any] = {"error": {"code": _NO_METHOD, "message": "not offered"}}
        if asked["method"] == "ping":
            told = {"result": {}}
        self.wire.notify({"jsonrpc": "2.0", "id": asked["id"], **told}, deadline)

    def _result(self, answer: Mapping[str, Any]) -> Mapping[str, Any]:
        error, result = answer.get("error"), answer.get("result")
        if isinstance(error, Mapping):
            code = error.get("code")
            said = f"{self.name} answers: {one_line(str(error.get('message', '')), 200)}"
            raise ProtocolError(said, code if isinstance(code, int) else 0)
        if not isinstance(result, Mapping):
            raise AiosError(f"{self.name} answers with neither a result nor an error", "")
        return result


@contextmanager
def connected(session: Session) -> Iterator[Session]:
    """A session that was begun, and is ended whatever happens. Until then nothing that matters was sent."""
    try:
        with unsent():
            session.begin()
        yield session
    finally:
        session.wire.close()


@contextmanager
def unsent() -> Iterator[None]:
    """What is asked here changes nothing: where it fails, the act that it prepares was not sent."""
    try:
        yield
    except TransientError as error:
        raise TransientError(error.message, error.hint, retry_after=error.retry_after, sent=False) from error


def _meta() -> dict[str, Any]:
    return {f"{_META}protocolVersion": STATELESS, f"{_META}clientInfo": _CLIENT, f"{_META}clientCapabilities": {}}


def _header(text: str) -> str:
    """A value as the protocol writes it into a header."""
    if text.isascii() and text.isprintable() and text == text.strip():
        return text
    import base64

    return f"=?base64?{base64.b64encode(text.encode()).decode()}?="
