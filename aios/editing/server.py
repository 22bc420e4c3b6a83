"""The server of the editor, for this machine alone: the page, the editor's files, and its questions.

Only who knows the address it was started with gets an answer: it begins with a secret, and requests that another site
makes a browser send are refused by their `Host` and `Origin`.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from aios.editing.desk import Desk
from aios.errors import AiosError

_TYPES = {
    ".js": "text/javascript",
    ".css": "text/css",
    ".html": "text/html",
    ".yml": "text/yaml",
    ".wasm": "application/wasm",
}
_LARGEST = 8 * 1024 * 1024  # bytes of a request


class EditorServer(ThreadingHTTPServer):
    """Listens on 127.0.0.1. `pages` are texts by name, `files` the folder of the editor."""

    daemon_threads = True

    def __init__(
        self, port: int, secret: str, pages: Callable[[str], Mapping[str, str]], files: Path, desk: Desk
    ) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.secret = secret
        self.files = files
        self.desk = desk
        self.turn = threading.Lock()  # one write at a time
        self.pages = pages(self.address)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/{self.secret}/"


class _Handler(BaseHTTPRequestHandler):
    server: EditorServer
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        place = self._place()
        if place is None:
            return
        name = place or "index.html"
        if name in self.server.pages:
            self._send(HTTPStatus.OK, self.server.pages[name].encode(), _TYPES.get(Path(name).suffix, "text/plain"))
            return
        file = (self.server.files / name.removeprefix("editor/")).resolve()
        if not name.startswith("editor/") or not file.is_relative_to(self.server.files.resolve()) or not file.is_file():
            self._refuse(HTTPStatus.NOT_FOUND, "there is no such file")
            return
        self._send(HTTPStatus.OK, file.read_bytes(), _TYPES.get(file.suffix, "application/octet-stream"))

    def do_POST(self) -> None:
        place = self._place()
        if place is None:
            return
        if place != "api/v1" or self.headers.get_content_type() != "application/json":
            self._refuse(HTTPStatus.NOT_FOUND, "there is nothing here to ask")
            return
        told = self._asked()
        if told is None:
            self.close_connection = True
            self._refuse(HTTPStatus.BAD_REQUEST, "this is not what the editor asks")
            return
        action, params = str(told.get("action")), told.get("params") or {}
        try:
            with self.server.turn:
                answer = self.server.desk.answer(action, params)
        except AiosError as error:
            self._refuse(HTTPStatus.UNPROCESSABLE_ENTITY, str(error))
        except (KeyError, TypeError, AttributeError):
            self._refuse(HTTPStatus.BAD_REQUEST, "this is not what the editor asks")
        else:
            self._answer(HTTPStatus.OK, answer)

    def _asked(self) -> dict[str, Any] | None:
        length = self.headers.get("Content-Length") or ""
        if not length.isdigit() or int(length) > _LARGEST:
            return None
        try:
            told = json.loads(self.rfile.read(int(length)))
        except (ValueError, RecursionError):
            return None
        return told if isinstance(told, dict) else None

    def _place(self) -> str | None:
        """The part of the address behind the secret; None, and refused, where the request is not ours."""
        port = self.server.server_address[1]
        hosts = {f"127.0.0.1:{port}", f"localhost:{port}"}
        origin = self.headers.get("Origin")
        if self.headers.get("Host") not in hosts or (origin and origin.removeprefix("http://") not in hosts):
            self.close_connection = True
            self._refuse(HTTPStatus.FORBIDDEN, "only pages of this server may ask")
            return None
        place = unquote(self.path.partition("?")[0])
        if not place.startswith(f"/{self.server.secret}/"):
            self.close_connection = True
            self._refuse(HTTPStatus.NOT_FOUND, "use the address that `aios edit` printed")
            return None
        return place.removeprefix(f"/{self.server.secret}/")

    def _refuse(self, status: HTTPStatus, why: str) -> None:
        self._answer(status, {"error": why})

    def _answer(self, status: HTTPStatus, data: Any) -> None:
        self._send(status, json.dumps(data, ensure_ascii=False).encode(errors="replace"), "application/json")

    def _send(self, status: HTTPStatus, content: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Nothing: the address holds the secret."""
