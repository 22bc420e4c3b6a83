"""The same between a connector and a server of mail: it fails at the end of a message, where the server takes it."""

from __future__ import annotations

import socket
from contextlib import suppress
from dataclasses import dataclass, field
from socketserver import BaseRequestHandler, StreamRequestHandler

from tests.faults.proxy import DELIVERED, Fault, Front

# A server that takes nothing now; that wants less; in the words of RFC 5321.
FAILED, BUSY = b"451 4.3.0 local error\r\n", b"450 4.7.1 too many, come back later\r\n"


@dataclass
class _Said:
    """What a session said, to be said again: its commands, and the last message."""

    commands: list[bytes] = field(default_factory=list)
    message: bytes = b""


class _Upstream:
    """A session with the server behind."""

    def __init__(self, address: str) -> None:
        host, _, port = address.rpartition(":")
        self._connection = socket.create_connection((host, int(port)), timeout=60)
        self._lines = self._connection.makefile("rb")
        self.banner = self.reply()

    def reply(self) -> bytes:
        lines = []
        while line := self._lines.readline():
            lines.append(line)
            if line[3:4] != b"-":
                break
        return b"".join(lines)

    def say(self, text: bytes) -> bytes:
        self._connection.sendall(text)
        return self.reply()

    def close(self) -> None:
        self._lines.close()
        self._connection.close()


class SmtpProxy(Front[_Said]):
    """SMTP."""

    def deliver(self) -> None:
        self._gave_up.set()
        held, self._held = self._held, []
        for said in held:
            self._say_again(said)

    def handler(self) -> type[BaseRequestHandler]:
        return _session(self)

    def _say_again(self, said: _Said) -> None:
        upstream = _Upstream(self._upstream)
        try:
            for command in said.commands:
                upstream.say(command)
            upstream.say(said.message)
        finally:
            upstream.close()

    def talk(self, handler: StreamRequestHandler) -> None:
        """One session, to its end or to the fault's."""
        upstream, said = _Upstream(self._upstream), _Said()
        try:
            handler.wfile.write(upstream.banner)
            while line := handler.rfile.readline():
                reply = upstream.say(line)
                said.commands.append(line)
                handler.wfile.write(reply)
                if (
                    line.upper().startswith(b"DATA")
                    and reply.startswith(b"354")
                    and not self._message(handler, upstream, said)
                ):
                    return
                if line.upper().startswith(b"QUIT"):
                    return
        finally:
            upstream.close()

    def _message(self, handler: StreamRequestHandler, upstream: _Upstream, said: _Said) -> bool:
        """Take a message, and fail with it where it is the one; whether the session goes on."""
        gave_up, lines = self._gave_up, []
        while (line := handler.rfile.readline()) not in {b".\r\n", b""}:
            lines.append(line)
        said.message = b"".join([*lines, b".\r\n"])
        fault = self.desk.fault("message", changes=True)
        if fault is None or fault in DELIVERED:
            reply = upstream.say(said.message)
        if fault is Fault.TWICE:
            self._say_again(said)
        if fault is Fault.LATE:
            self._held.append(said)
        if fault is not None and self.desk.trouble.kills:
            self.desk.kill()
            return False
        match fault:
            case None | Fault.NONE | Fault.TWICE:
                handler.wfile.write(reply)
                return True
            case Fault.ERROR | Fault.ERROR_AFTER | Fault.BUSY:
                handler.wfile.write(BUSY if fault is Fault.BUSY else FAILED)
                handler.rfile.readline()  # it takes its leave
            case Fault.SLOW:
                gave_up.wait(timeout=60)
            case _:
                pass  # the connection is closed without a word
        return False


def _session(proxy: SmtpProxy) -> type[StreamRequestHandler]:
    class Handler(StreamRequestHandler):
        def handle(self) -> None:
            with suppress(OSError):
                proxy.talk(self)

    return Handler
