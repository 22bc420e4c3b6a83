"""MCP's reference servers, and one that is written with its own Python package, by program or at an address."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_LISTENS = re.compile(r"Uvicorn running on http://(127\.0\.0\.1:[0-9]+)")
_PATIENCE = 60.0  # seconds
SERVER = """
import sys
from mcp.server import MCPServer

server = MCPServer("notes")
kept = {}

@server.tool()
def write_note(id: str, text: str, key: str) -> dict[str, int]:
    "Write a note."
    kept.setdefault(key, []).append((id, text))
    return {"times": len(kept[key])}

@server.tool()
def find_key(key: str) -> dict[str, object]:
    "Was it done?"
    done = kept.get(key, [])
    return {"done": bool(done), "times": len(done), "id": done[0][0] if done else ""}

if sys.argv[1] == "stdio":
    server.run("stdio")
else:
    server.run("streamable-http", host="127.0.0.1", port=0)
"""


def script(folder: Path) -> Path:
    """The server as a file, to be run with `stdio` or `http`."""
    file = folder / "server.py"
    file.write_text(SERVER)
    return file


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """The server at an address, which is given, until the block ends."""
    log = folder / "log"
    with (
        log.open("wb") as said,
        subprocess.Popen(
            [sys.executable, str(script(folder)), "http"], stdout=said, stderr=said, start_new_session=True
        ) as server,
    ):
        try:
            yield f"http://{_address(log, server)}/mcp"
        finally:
            os.killpg(server.pid, signal.SIGKILL)


def _address(log: Path, server: subprocess.Popen[bytes]) -> str:
    until = time.monotonic() + _PATIENCE
    while time.monotonic() < until:
        if found := _LISTENS.search(log.read_text(errors="replace")):
            return found[1]
        assert server.poll() is None, log.read_text(errors="replace")
        time.sleep(0.05)  # nothing else tells that a line was written
    raise AssertionError(log.read_text(errors="replace"))
