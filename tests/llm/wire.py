"""A service that sends exactly these bytes, well formed or not, and may break off, never end, or keep still."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from tests.llm.server import chunk

STREAM = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
DONE = chunk({}, finish="stop") + b"data: [DONE]\n\n"


@dataclass(frozen=True)
class Sends:
    """The bytes of one answer, head and all, sent piece by piece until they end or the other side hangs up.

    `reset` ends it by a reset of the connection, `stays` keeps the connection open and says nothing more.
    """

    pieces: Iterable[bytes] = ()
    reset: bool = False
    stays: bool = False


@dataclass
class Wire:
    """`asked` are the requests that came in, as they came."""

    port: int
    asked: list[bytes] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"


@contextmanager
def sending(*script: Sends) -> Iterator[Wire]:
    """The service, until the block ends. The script's last answer repeats."""
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:
        wire = Wire(server.getsockname()[1])
        thread = threading.Thread(target=_serve, args=(server, wire, script, over))
        thread.start()
        try:
            yield wire
        finally:
            over.set()
            with suppress(OSError), socket.create_connection(("127.0.0.1", wire.port)):
                pass  # wakes up who waits for somebody to come
            thread.join()


def _serve(server: socket.socket, wire: Wire, script: tuple[Sends, ...], over: threading.Event) -> None:
    while True:
        caller, _ = server.accept()
        with caller, suppress(OSError):
            if over.is_set():
                return
            caller.settimeout(5)
            wire.asked.append(_request(caller))
            _answer(caller, script[min(len(wire.asked), len(script)) - 1], over)


def _answer(caller: socket.socket, sends: Sends, over: threading.Event) -> None:
    for piece in sends.pieces:
        caller.sendall(piece)
        if over.is_set():
            return
    if sends.stays:
        over.wait(10)
    if sends.reset:
        caller.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def _request(caller: socket.socket) -> bytes:
    said = b""
    while b"\r\n\r\n" not in said:
        said += caller.recv(65_536)
    head, _, body = said.partition(b"\r\n\r\n")
    length = next(int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:"))
    while len(body) < length:
        body += caller.recv(65_536)
    return head + b"\r\n\r\n" + body
