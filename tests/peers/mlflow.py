"""MLflow's tracking server, which takes traces in OpenTelemetry's form and gives them back: a program on the PATH."""

from __future__ import annotations

import base64
import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

HEADERS = "x-mlflow-experiment-id=0"
_LISTENS = re.compile(r"Uvicorn running on (http://127\.0\.0\.1:[0-9]+)")
_PATIENCE = 180.0  # seconds; it makes a database and loads much before it listens


@dataclass(frozen=True, slots=True)
class Mlflow:
    """A server that runs."""

    url: str

    def trace(self, trace_id: str) -> dict[str, Any]:
        """What it has of a trace: `trace_info` and `spans`, the ids of the spans in hexadecimal."""
        connection = HTTPConnection(urlsplit(self.url).netloc, timeout=60)
        with closing(connection):
            connection.request("GET", f"/api/3.0/mlflow/traces/get?trace_id=tr-{trace_id}")
            answer = connection.getresponse()
            content = answer.read().decode()
        assert answer.status == 200, content
        found: dict[str, Any] = json.loads(content)["trace"]
        for span in found["spans"]:
            for name in ("trace_id", "span_id", "parent_span_id"):
                span[name] = base64.b64decode(span.get(name, "")).hex()
        return found


@contextmanager
def serving(folder: Path) -> Iterator[Mlflow]:
    """The server with an empty database in `folder`, until the block ends."""
    log = folder / "log"
    command = ["mlflow", "server", "--host", "127.0.0.1", "--port", "0", "--workers", "1"]
    command += [
        "--backend-store-uri",
        f"sqlite:///{folder}/mlflow.db",
        "--artifacts-destination",
        str(folder / "files"),
    ]
    quiet = {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    with (
        log.open("wb") as said,
        subprocess.Popen(
            command, cwd=folder, stdout=said, stderr=said, env=os.environ | quiet, start_new_session=True
        ) as server,
    ):
        try:
            yield Mlflow(_address(log, server))
        finally:
            os.killpg(server.pid, signal.SIGTERM)  # its workers are processes of their own
            try:
                server.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(server.pid, signal.SIGKILL)


def _address(log: Path, server: subprocess.Popen[bytes]) -> str:
    """Where it listens, as it says itself."""
    until = time.monotonic() + _PATIENCE
    while time.monotonic() < until:
        found = _LISTENS.search(log.read_text(errors="replace"))
        if found:
            return found[1]
        assert server.poll() is None, log.read_text(errors="replace")
        time.sleep(0.1)  # nothing else tells that a line was written
    raise AssertionError(log.read_text(errors="replace"))
