"""Between a connector and its service: passes everything on, but for one request of an act, with which it fails."""

from __future__ import annotations

import json
import os
import signal
import socket
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from enum import StrEnum
from http.client import HTTPConnection, HTTPResponse
from http.server import BaseHTTPRequestHandler
from socketserver import BaseRequestHandler, StreamRequestHandler, ThreadingTCPServer
from threading import Event, Lock, Thread
from typing import Any, Generic, TypeVar

HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "te", "trailer", "upgrade", "proxy-connection"}


class Fault(StrEnum):
    """What becomes of the request."""

    NONE = "none"
    SLOW = "slow"  # done, answered after the connector gave up
    ERROR = "500"  # not passed on
    ERROR_AFTER = "500 after"  # done, and a failure answered
    BUSY = "429"  # not passed on, Retry-After
    CUT = "cut after"  # done, the connection broken off before an answer
    REFUSED = "refused"  # no connection
    TWICE = "twice"  # delivered twice, one answer
    LATE = "late"  # broken off, and delivered a while later


DELIVERED = frozenset({Fault.NONE, Fault.SLOW, Fault.ERROR_AFTER, Fault.CUT, Fault.TWICE})


@dataclass
class Trouble:
    """The one thing that goes wrong: `fault` with the `number`-th changing request of acts (-1: with none), and `kills`
    whether the process that asked dies while it asks. `fired` tells that it went wrong, `killed` that it died of it.

    With `recovers` it is the first request of any kind that comes after the process died, as `mourned` tells.
    """

    fault: Fault = Fault.NONE
    number: int = -1
    kills: bool = False
    recovers: bool = False
    mourned: bool = False
    fired: bool = False
    killed: bool = False


@dataclass
class Act:
    """What the proxy knows of the act under way: who does it, and the changing requests seen in acts so far."""

    pid: int = 0
    seen: list[str] = field(default_factory=list)


Held = TypeVar("Held")


class Server(ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A connector that went away is what happens here."""


def _hearing(told: Callable[[str, str], None]) -> type[StreamRequestHandler]:
    class Handler(StreamRequestHandler):
        def handle(self) -> None:
            for line in self.rfile:
                word, _, pid = line.decode().strip().partition(" ")
                told(word, pid)
                self.wfile.write(b"ok\n")

    return Handler


class Desk:
    """What every proxy shares: the trouble, the act under way, and the port at which a process tells of its acts."""

    def __init__(self) -> None:
        self.trouble, self.act, self.lock = Trouble(), Act(), Lock()
        self.opens: Callable[[bool], None] = lambda _: None
        self.waits: Callable[[], None] = lambda: None
        self._server = Server(("127.0.0.1", 0), _hearing(self._told))
        self.port: int = self._server.server_address[1]
        Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def _told(self, word: str, pid: str) -> None:
        if word == "wait":
            self.waits()
            return
        trouble = self.trouble
        self.act.pid = int(pid) if word == "act" else 0
        refuses = trouble.fault is Fault.REFUSED and not trouble.fired and trouble.number >= 0 and not trouble.recovers
        if word == "act" and refuses:
            self.opens(False)
            trouble.fired = True
            if trouble.kills:
                self.kill()
        elif word == "end" and trouble.fault is Fault.REFUSED:
            self.opens(True)

    def fault(self, what: str, *, changes: bool) -> Fault | None:
        """The fault of a request that comes in now, where it is the one; notes that it came."""
        with self.lock:
            trouble, is_act = self.trouble, changes and self.act.pid > 0
            if is_act:
                self.act.seen.append(what)
            here = trouble.mourned if trouble.recovers else is_act and len(self.act.seen) - 1 == trouble.number
            if trouble.fired or not here or (trouble.fault is Fault.REFUSED and not trouble.recovers):
                return None
            trouble.fired = True
            return trouble.fault

    def kill(self) -> None:
        """End the process that asks, in the middle of it."""
        self.trouble.killed = True
        os.kill(self.act.pid, signal.SIGKILL)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@contextmanager
def telling(port: int) -> Iterator[Callable[[str], None]]:
    """Says at the desk's port that an act begins (`act PID`) or ended, and returns once it is known there."""
    with socket.create_connection(("127.0.0.1", port)) as connection, connection.makefile("rw") as lines:

        def tell(word: str) -> None:
            lines.write(f"{word}\n")
            lines.flush()
            lines.readline()

        yield tell


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    headers: tuple[tuple[str, str], ...]
    body: bytes

    @property
    def changes(self) -> bool:
        """May it change something? Of JSON-RPC, where every request is a POST, a call of a tool."""
        if self.method in {"GET", "HEAD", "OPTIONS"} or self._ends_session:
            return False
        with suppress(ValueError):
            data = json.loads(self.body)
            if isinstance(data, dict) and data.get("jsonrpc"):
                return data.get("method") == "tools/call"
        return True

    @property
    def _ends_session(self) -> bool:
        """A client of MCP takes its leave; what it did stays done."""
        return self.method == "DELETE" and any(name.lower() == "mcp-session-id" for name, _ in self.headers)


class Front(ABC, Generic[Held]):
    """A proxy on a port of its own, which it keeps while services behind it change."""

    def __init__(self) -> None:
        self.desk, self._upstream, self._held = Desk(), "", list[Held]()
        self.desk.opens, self.desk.waits = self._open, self.deliver
        self._gave_up = Event()
        self._server: Server | None = None
        self._port = 0
        self._open(True)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._port}"

    def begin(self, upstream: str, trouble: Trouble) -> None:
        """Stand in front of a service from now on, with this trouble ahead."""
        self._gave_up.set()
        self._upstream, self._held, self._gave_up = upstream, [], Event()
        self.desk.trouble, self.desk.act = trouble, Act()
        self._open(True)

    @abstractmethod
    def deliver(self) -> None:
        """What was held back arrives after all."""

    @abstractmethod
    def handler(self) -> type[BaseRequestHandler]:
        """What hears a connection to it."""

    def close(self) -> None:
        self._gave_up.set()
        self._open(False)
        self.desk.close()

    def _open(self, wanted: bool) -> None:
        if wanted and self._server is None:
            self._server = Server(("127.0.0.1", self._port), self.handler())
            self._port = self._server.server_address[1]
            Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        elif not wanted and self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None


class HttpProxy(Front[Request]):
    """HTTP."""

    def deliver(self) -> None:
        self._gave_up.set()
        for request in self._held:
            with self._passed_on(request) as answer:
                answer.read()
        self._held = []

    def handler(self) -> type[BaseRequestHandler]:
        return _handler(self)

    @contextmanager
    def _passed_on(self, request: Request) -> Iterator[HTTPResponse]:
        host, _, port = self._upstream.rpartition(":")
        connection = HTTPConnection(host, int(port), timeout=60)
        try:
            connection.putrequest(request.method, request.path, skip_host=True, skip_accept_encoding=True)
            for name, value in request.headers:
                if name.lower() not in HOP_BY_HOP | {"content-length"}:
                    connection.putheader(name, value)
            if request.body or request.changes:
                connection.putheader("Content-Length", str(len(request.body)))
            connection.putheader("Connection", "close")
            connection.endheaders(request.body or None)
            yield connection.getresponse()
        finally:
            connection.close()

    def answer(self, handler: BaseHTTPRequestHandler, request: Request) -> None:
        desk, gave_up = self.desk, self._gave_up
        fault = desk.fault(f"{request.method} {request.path}", changes=request.changes)
        if fault is None:
            with self._passed_on(request) as answer:
                _hand_down(handler, answer)
            return
        kept: tuple[int, list[tuple[str, str]], bytes] | None = None
        for _ in range(2 if fault is Fault.TWICE else 1 if fault in DELIVERED else 0):
            with self._passed_on(request) as answer:
                first = (answer.status, answer.getheaders(), answer.read())
                kept = kept or first
        if fault is Fault.LATE:
            self._held.append(request)
        if desk.trouble.kills:
            desk.kill()
            return
        match fault:
            case Fault.ERROR | Fault.ERROR_AFTER:
                _say(handler, 500, [], b"<h1>Internal Server Error</h1>")
            case Fault.BUSY:
                _say(handler, 429, [("Retry-After", "0")], b"")
            case Fault.SLOW:
                gave_up.wait(timeout=60)
            case Fault.NONE | Fault.TWICE if kept:
                _say(handler, *kept)
            case _:
                pass  # the connection is closed without a word


def _handler(proxy: HttpProxy) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def handed(self) -> None:
            self.close_connection = True
            proxy.answer(self, Request(self.command, self.path, tuple(self.headers.items()), _body(self)))

        def log_message(self, *_: Any) -> None:
            return

    for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"):
        setattr(Handler, f"do_{method}", Handler.handed)
    return Handler


def _body(handler: BaseHTTPRequestHandler) -> bytes:
    if "chunked" not in handler.headers.get("Transfer-Encoding", "").lower():
        return handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
    body = b""
    while size := int(handler.rfile.readline().split(b";")[0], 16):
        body += handler.rfile.read(size)
        handler.rfile.readline()
    handler.rfile.readline()
    return body


def _say(handler: BaseHTTPRequestHandler, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
    handler.send_response_only(status)
    for name, value in headers:
        if name.lower() not in HOP_BY_HOP | {"content-length"}:
            handler.send_header(name, value)
    handler.send_header("Content-Length", str(len(body)))
    handler.send_header("Connection", "close")
    handler.end_headers()
    handler.wfile.write(body)


def _hand_down(handler: BaseHTTPRequestHandler, answer: HTTPResponse) -> None:
    """As it comes: what a service streams arrives while it streams. The end of the connection is the end."""
    handler.send_response_only(answer.status)
    for name, value in answer.getheaders():
        if name.lower() not in HOP_BY_HOP:
            handler.send_header(name, value)
    handler.send_header("Connection", "close")
    handler.end_headers()
    while chunk := answer.read1(65536):
        handler.wfile.write(chunk)
        handler.wfile.flush()
