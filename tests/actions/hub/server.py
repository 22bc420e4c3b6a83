"""The hub over HTTP: git by git's own backend, REST by `rest`, both by token."""

from __future__ import annotations

import base64
import binascii
import gzip
import hashlib
import json
import os
import subprocess
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from tests.actions.hub.contract import Exchange, answer_of
from tests.actions.hub.hub import Hub, RefusedError
from tests.actions.hub.rest import Asked, Route, found
from tests.actions.hub.tokens import Token

API = "/api/v3"
PAGE = 30


@contextmanager
def serving(hub: Hub) -> Iterator[Hub]:
    """The hub at a port of its own, until the block ends."""

    class Handler(_Handler):
        place = hub

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    hub.url = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    place: Hub

    def log_message(self, *_: object) -> None:
        """Says nothing: what was asked stands in the hub."""

    def _serve(self) -> None:
        hub, parts = self.place, urlsplit(self.path)
        body, token = self._body(), self._token()
        with hub.lock:
            hub.requests.append(f"{self.command} {parts.path} {token.job if token else ''}")
            try:
                if parts.path.startswith(API):
                    query = dict(parse_qsl(parts.query, keep_blank_values=True))
                    path = parts.path.removeprefix(API)
                    self._tell(*answer(hub, token, self.command, path, query, dict(self.headers), body))
                else:
                    self._git(parts.path, parts.query, body, token)
            except (BrokenPipeError, ConnectionResetError):
                self.close_connection = True
            except Exception:  # noqa: BLE001  a fault of the hub must fail the test and not only the job
                hub.problems.append(traceback.format_exc())
                self._tell(500, {"message": "the hub has a bug"}, {})

    do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = do_HEAD = _serve  # noqa: N815  names of http.server

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        whole = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            whole += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return whole

    def _token(self) -> Token | None:
        kind, _, value = self.headers.get("Authorization", "").partition(" ")
        if kind.lower() == "basic":
            try:
                value = base64.b64decode(value).decode().partition(":")[2]
            except (binascii.Error, UnicodeDecodeError):
                return None
        token = self.place.tokens.get(value)
        return token if token and token.alive else None

    def _tell(self, status: int, data: Any, headers: Mapping[str, str]) -> None:
        whole = b"" if data is None else json.dumps(data).encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(whole)))
        self.end_headers()
        self.wfile.write(whole)

    def _git(self, path: str, query: str, body: bytes, token: Token | None) -> None:
        hub = self.place
        repository = f"/{hub.repository}"
        inside = path.removeprefix(repository).removeprefix(".git")
        if token is None:
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="GitHub"')
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        writes = "git-receive-pack" in f"{inside}?{query}"
        if not path.startswith(repository) or not token.may("contents", "write" if writes else "read"):
            said = f"Permission to {hub.repository}.git denied to {token.person.login}."
            self._plain(403 if writes else 404, said if writes else "Repository not found.")
            return
        if writes and self.command == "POST":
            with hub.pushing(token):
                self._backend(inside, query, body, token)
        else:
            self._backend(inside, query, body, token)

    def _plain(self, status: int, said: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said.encode())

    def _backend(self, inside: str, query: str, body: bytes, token: Token) -> None:
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        environment = {
            **os.environ,
            "GIT_PROJECT_ROOT": str(self.place.bare.path),
            "GIT_HTTP_EXPORT_ALL": "1",
            "PATH_INFO": inside,
            "QUERY_STRING": query,
            "REQUEST_METHOD": self.command,
            "REMOTE_USER": token.person.login,
            "REMOTE_ADDR": "127.0.0.1",
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            "HUB_NO_WORKFLOWS": "" if token.permissions is None else "1",
        }
        out = subprocess.run(
            ["git", "http-backend"], input=body, env=environment, capture_output=True, check=True
        ).stdout
        head, _, data = out.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n") if ": " in line)
        self.send_response(int(headers.pop("Status", "200").split()[0]))
        headers.pop("Content-Length", None)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


def answer(
    hub: Hub,
    token: Token | None,
    method: str,
    path: str,
    query: Mapping[str, str],
    headers: Mapping[str, str],
    body: bytes,
) -> tuple[int, Any, dict[str, str]]:
    """What GitHub says to a request; what does not fit its description is a problem of the hub's."""
    path = unquote(path)
    asked = Exchange(method, path, query, headers, body)
    if problem := asked.problem():
        hub.problems.append(f"{method} {path}: asked otherwise than GitHub's description says: {problem}")
    matched = found(method, path)
    if matched is None:
        hub.problems.append(f"{method} {path}: the hub has no such endpoint")
        return 404, {"message": "Not Found"}, {}
    way, at = matched
    status, data, more = _answered(hub, token, way, at, query, body)
    if status < 400:
        data = answer_of(way.template, method, status, data)
    data, more = _page(hub, path, query, data, more)
    whole = b"" if data is None else json.dumps(data).encode()
    if problem := asked.problem_of(status, whole):
        hub.problems.append(f"{method} {path}: the hub answers otherwise than GitHub's description says: {problem}")
    tag = f'"{hashlib.sha256(whole).hexdigest()}"'
    if method == "GET" and status == 200:
        more["ETag"] = tag
        if {name.lower(): value for name, value in headers.items()}.get("if-none-match") == tag:
            return 304, None, more
    return status, data, more


def _answered(
    hub: Hub, token: Token | None, way: Route, at: Mapping[str, str], query: Mapping[str, str], body: bytes
) -> tuple[int, Any, dict[str, str]]:
    if token is None:
        return 401, {"message": "Bad credentials", "documentation_url": "https://docs.github.com/rest"}, {}
    told: dict[str, str] = (
        {"X-Accepted-GitHub-Permissions": "; ".join(f"{s}={level}" for s, level in way.needs)} if way.needs else {}
    )
    if f"{at.get('owner', '')}/{at.get('repo', '')}" not in {"/", hub.repository}:
        return 404, {"message": "Not Found"}, told
    refused = list(token.refused)
    if way.needs and not any(token.may(scope, level) for scope, level in way.needs):
        hidden = way.method == "GET" and hub.private and not token.permissions
        return (
            (404, {"message": "Not Found"}, told)
            if hidden
            else (403, {"message": "Resource not accessible by integration"}, told)
        )
    token.refused[:] = refused
    try:
        status, data = way.answer(Asked(hub, token, at, query, json.loads(body) if body else {}))
    except RefusedError as error:
        more = {"errors": error.errors} if error.errors else {}
        return (
            error.status,
            {"message": error.message, "documentation_url": "https://docs.github.com/rest", **more},
            told,
        )
    return status, data, told


def _page(
    hub: Hub, path: str, query: Mapping[str, str], data: Any, headers: dict[str, str]
) -> tuple[Any, dict[str, str]]:
    if not isinstance(data, list):
        return data, headers
    size, number = int(query.get("per_page", PAGE)), int(query.get("page", 1))
    if len(data) > size * number:
        rest = "&".join(f"{name}={value}" for name, value in query.items() if name not in {"page", "per_page"})
        there = f"{hub.api}{path}?{rest}&per_page={size}&page={number + 1}"
        headers["Link"] = f'<{there}>; rel="next"'
    return data[size * (number - 1) : size * number], headers
