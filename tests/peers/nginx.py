"""nginx, writing real access logs, and goaccess, which counts them by its own lights: both from Debian."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

_PATIENCE = 10.0  # seconds
_TEMPORARY = "".join(f"{name}_temp_path {{folder}}/{name};\n" for name in ("proxy", "fastcgi", "uwsgi", "scgi"))
_CONFIGURATION = (
    """\
daemon off; worker_processes 1; pid {folder}/pid; error_log {folder}/error.log; {user}
events {{ worker_connections 64; }}
http {{
access_log {folder}/access.log combined;
client_body_temp_path {folder}/body;
"""
    + _TEMPORARY
    + """\
server {{
  listen 127.0.0.1:{port}; root {folder}/www; index index.html;
  location /old {{ return 301 /; }}
  location /broken {{ return 500; }}
}}
}}
"""
)


@dataclass(frozen=True, slots=True)
class Nginx:
    """A server that runs. `log` is its access log, `port` on 127.0.0.1."""

    folder: Path
    port: int
    pid: int

    @property
    def log(self) -> Path:
        return self.folder / "access.log"

    def ask(self, path: str, headers: Mapping[str, str], method: str = "GET") -> int:
        """The status of what it answers."""
        with closing(HTTPConnection("127.0.0.1", self.port, timeout=5)) as connection:
            connection.request(method, path, headers=dict(headers))
            answer = connection.getresponse()
            answer.read()
            return answer.status

    def rotate(self) -> None:
        """Move the log away, as logrotate does, and have it begin another one."""
        self.log.rename(self.folder / "access.log.1")
        os.kill(self.pid, signal.SIGUSR1)
        _until(self.log.exists)

    def lines(self, number: int) -> None:
        """Wait until the log has so many lines: an answer may be there before its line is."""
        _until(lambda: self.log.read_bytes().count(b"\n") >= number)


@contextmanager
def serving(folder: Path) -> Iterator[Nginx]:
    """The server with two pages, until the block ends."""
    (folder / "www/pricing").mkdir(parents=True)
    (folder / "www/index.html").write_text("<h1>Hello</h1>\n")
    (folder / "www/pricing/index.html").write_text("<h1>Prices</h1>\n")
    (folder / "www/style.css").write_text("h1 { color: black }\n")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    user = "user root;" if os.geteuid() == 0 else ""
    (folder / "nginx.conf").write_text(_CONFIGURATION.format(folder=folder, port=port, user=user))
    command = ["nginx", "-c", str(folder / "nginx.conf"), "-e", str(folder / "error.log")]
    with (folder / "said").open("wb") as said, subprocess.Popen(command, stdout=said, stderr=said) as server:
        try:
            _until(lambda: server.poll() is not None or _listens(port))
            assert server.poll() is None, (folder / "said").read_text()
            yield Nginx(folder, port, server.pid)
        finally:
            server.terminate()
            try:
                server.wait(5)
            except subprocess.TimeoutExpired:
                server.kill()


def counted(log: Path) -> Any:
    """What goaccess counts in a log, as JSON."""
    out = log.with_suffix(".json")
    command = ["goaccess", str(log), "--log-format=COMBINED", "--no-global-config", "--no-progress", "-o", str(out)]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    return json.loads(out.read_text())


def _listens(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), 1):
            return True
    except OSError:
        return False


def _until(condition: Any) -> None:
    until = time.monotonic() + _PATIENCE
    while not condition():
        assert time.monotonic() < until, "it takes too long"
        time.sleep(0.01)
