"""A server of this machine that answers each request with the next of its answers, byte by byte if it must."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Answer:
    """`drip` sends the body one byte at a time with pauses between; `held` sends nothing at all."""

    body: bytes = b""
    status: str = "200 OK"
    headers: Sequence[str] = ("Content-Type: text/html",)
    drip: bool = False
    held: bool = False
    length: int | None = None

    def head(self) -> bytes:
        length = len(self.body) if self.length is None else self.length
        lines = [f"HTTP/1.1 {self.status}", *self.headers, f"Content-Length: {length}", "Connection: close"]
        return "\r\n".join([*lines, "", ""]).encode("latin-1")


@dataclass
class Site:
    url: str
    asked: list[str] = field(default_factory=list)


@contextmanager
def serving(*answers: Answer) -> Iterator[Site]:
    """The last answer repeats."""
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.02)
        site = Site(f"http://127.0.0.1:{server.getsockname()[1]}")
        thread = threading.Thread(target=_serve, args=(server, site, answers, over))
        thread.start()
        try:
            yield site
        finally:
            over.set()
            thread.join()


def _serve(server: socket.socket, site: Site, answers: Sequence[Answer], over: threading.Event) -> None:
    while not over.is_set():
        try:
            peer, _ = server.accept()
        except TimeoutError:
            continue
        with peer:
            peer.settimeout(5)
            site.asked.append(_request(peer))
            try:
                _send(peer, answers[min(len(site.asked), len(answers)) - 1], over)
            except OSError:
                continue  # they hung up: that is what some tests are about


def _request(peer: socket.socket) -> str:
    said = b""
    while b"\r\n\r\n" not in said and (more := peer.recv(65_536)):
        said += more
    return said.decode("latin-1")


def _send(peer: socket.socket, answer: Answer, over: threading.Event) -> None:
    if answer.held:
        over.wait(10)
        return
    if not answer.drip:
        peer.sendall(answer.head() + answer.body)
        return
    for byte in answer.head() + answer.body:
        peer.sendall(bytes([byte]))
        if over.wait(0.02):
            return
