"""A service that speaks chat completions as a script tells it to, on a free port of this machine."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Says:
    """One answer: a text or tool calls, streamed in pieces; or a status with a body; `cut` breaks off in the middle."""

    text: str = ""
    calls: Sequence[tuple[str, Mapping[str, Any] | str]] = ()
    status: int = 200
    body: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: bool = False
    silent: bool = False
    usage: tuple[int, int] | None = (100, 20)
    finish: str = "stop"
    refusal: str = ""
    raw: bytes = b""


@dataclass
class Service:
    """`asked` are the requests that came in; the script's last answer repeats."""

    url: str
    asked: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)


@contextmanager
def serving(script: Sequence[Says] | Callable[[Mapping[str, Any]], Says]) -> Iterator[Service]:
    """Answers from a list, the last one repeated, or made from what is asked."""
    release = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: Any) -> None:
            return

        def do_POST(self) -> None:
            service.keys.append(self.headers.get("Authorization", ""))
            service.asked.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            says = script(service.asked[-1]) if callable(script) else script[min(len(service.asked), len(script)) - 1]
            if says.silent:
                release.wait(10)
                self.close_connection = True
                return
            if says.status != 200:
                self._whole(says)
                return
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            for name, value in says.headers.items():
                self.send_header(name, value)
            self.send_header("Connection", "close")
            self.end_headers()
            for number, piece in enumerate(_pieces(says)):
                if says.cut and number == 2:
                    break
                self.wfile.write(piece)
                self.wfile.flush()
            self.close_connection = True

        def _whole(self, says: Says) -> None:
            content = json.dumps({"error": dict(says.body)}).encode()
            self.send_response(says.status)
            for name, value in {**says.headers, "Content-Length": str(len(content))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    service = Service(f"http://127.0.0.1:{server.server_port}/v1")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield service
    finally:
        release.set()
        server.shutdown()
        thread.join()
        server.server_close()


def _pieces(says: Says) -> Iterator[bytes]:
    if says.raw:
        yield says.raw
        return
    yield chunk({"role": "assistant", "content": ""})
    if says.refusal:
        yield chunk({"refusal": says.refusal})
    half = len(says.text) // 2
    for part in (says.text[:half], says.text[half:]):
        if part:
            yield chunk({"content": part})
    for index, (name, given) in enumerate(says.calls):
        arguments = given if isinstance(given, str) else json.dumps(given)
        yield chunk(
            {
                "tool_calls": [
                    {"index": index, "id": f"c{index}", "type": "function", "function": {"name": name, "arguments": ""}}
                ]
            }
        )
        for at in range(0, len(arguments), 7):
            yield chunk({"tool_calls": [{"index": index, "function": {"arguments": arguments[at : at + 7]}}]})
    yield chunk({}, finish="tool_calls" if says.calls else says.finish)
    if says.usage:
        used = {"prompt_tokens": says.usage[0], "completion_tokens": says.usage[1], "total_tokens": sum(says.usage)}
        yield event(
            {"id": "x", "object": "chat.completion.chunk", "created": 1, "model": "tiny", "choices": [], "usage": used}
        )
    yield b"data: [DONE]\n\n"


def chunk(delta: Mapping[str, Any], *, finish: str | None = None) -> bytes:
    """One event of a streamed answer."""
    choice = {"index": 0, "delta": dict(delta), "finish_reason": finish}
    return event({"id": "x", "object": "chat.completion.chunk", "created": 1, "model": "tiny", "choices": [choice]})


def event(data: Any) -> bytes:
    return f"data: {json.dumps(data)}\n\n".encode()
