"""A git server over HTTP with basic authentication: git's own http-backend, behind a front that fails as told."""

from __future__ import annotations

import base64
import os
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

TOKEN = "a-secret-token-of-the-tests"  # noqa: S105
# A push dies before the server has it, or after: then it is done, and nobody is told. DROP is after, without a word of
# an answer: then git's HTTP library sends it once more by itself.
BEFORE, AFTER, DROP = "before", "after", "drop"


class Hub:
    """`root` holds bare repositories. `fails` are what becomes of the next pushes; `pushes` counts what was asked."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.fails: list[str] = []
        self.pushes = 0
        self.fetches = 0
        self.tokens = {TOKEN}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("_Of", (_Handler,), {"hub": self}))
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/{name}.git"

    def make(self, name: str = "company") -> Path:
        """A bare repository, to push to."""
        return make_bare(self.root / f"{name}.git")

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@contextmanager
def running(root: Path) -> Iterator[Hub]:
    root.mkdir(parents=True, exist_ok=True)
    hub = Hub(root)
    try:
        yield hub
    finally:
        hub.stop()


def git(where: Path, *args: str, env: Mapping[str, str] | None = None) -> str:
    done = subprocess.run(
        ["git", *args], cwd=where, check=True, capture_output=True, text=True, env={**os.environ, **(env or {})}
    )
    return done.stdout.strip()


def make_bare(place: Path) -> Path:
    git(place.parent, "init", "-q", "--bare", "-b", "main", place.name)
    git(place, "config", "http.receivepack", "true")
    return place


def hook(place: Path, name: str, script: str) -> None:
    """A hook of a bare repository: how a server's own rules are played."""
    file = place / "hooks" / name
    file.parent.mkdir(exist_ok=True)
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: Hub

    def log_message(self, *_: object) -> None:
        return

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def _serve(self) -> None:
        body = self._body()
        if not self._known():
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="git"')
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        path, _, query = self.path.partition("?")
        pushes = path.endswith("/git-receive-pack") and body != b"0000"  # that alone is a probe of git's
        self.hub.pushes += pushes
        self.hub.fetches += path.endswith("/git-upload-pack") and self.command == "POST"
        fails = self.hub.fails.pop(0) if pushes and self.hub.fails else ""
        told = self._backend(path, query, body) if fails != BEFORE else b""
        if fails:
            self._break_off(silently=fails == DROP)
            return
        head, _, data = told.partition(b"\r\n\r\n")
        headers = [line.split(": ", 1) for line in head.decode().split("\r\n") if ": " in line]
        self.send_response(next((int(value[:3]) for name, value in headers if name == "Status"), 200))
        for name, value in headers:
            if name not in ("Status", "Content-Length"):
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _break_off(self, *, silently: bool) -> None:
        self.close_connection = True
        if not silently:
            self.send_response(200)
            self.send_header("Content-Type", "application/x-git-receive-pack-result")
            self.send_header("Content-Length", "1000")
            self.end_headers()

    def _known(self) -> bool:
        given = self.headers.get("Authorization", "")
        try:
            return base64.b64decode(given.removeprefix("Basic ")).decode().partition(":")[2] in self.hub.tokens
        except ValueError:
            return False

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def _backend(self, path: str, query: str, body: bytes) -> bytes:
        env = {
            **os.environ,
            "GIT_PROJECT_ROOT": str(self.hub.root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "REQUEST_METHOD": self.command,
            "REMOTE_USER": "somebody",
            "REMOTE_ADDR": "127.0.0.1",
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
        }
        return subprocess.run(["git", "http-backend"], input=body, env=env, capture_output=True, check=False).stdout
