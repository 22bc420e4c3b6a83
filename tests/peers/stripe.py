"""Two stand-ins for Stripe that nobody here wrote: localstripe, from a wheel, and emulate, from npm.

Neither honours idempotency keys. emulate has customers and payments; localstripe has invoices too, of subscriptions,
and refuses parameters that it does not know: `fitted` takes them off. As a program (`python -m tests.peers.stripe`)
this module is localstripe on 127.0.0.1; it says where it listens.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from tests.connectors.stands.serving import Asked, Said, serve

KEY = "sk_test_the_tests_own"
TOP = Path(__file__).parents[2]
_LISTENS = "listens at "
_PATIENCE = 30.0  # seconds
# emulate is made for Node 22; what older ones lack it needs for emulators in TypeScript only.
_OLDER_NODE = """
const M = module.constructor;
M.registerHooks ??= () => ({ deregister() {} });
M.stripTypeScriptTypes ??= () => { throw new Error("not here"); };
"""


@contextmanager
def localstripe(folder: Path) -> Iterator[str]:
    """`host:port` of an empty account, until the block ends."""
    command = [sys.executable, "-m", "tests.peers.stripe"]
    with (folder / "log").open("wb") as log, _running(command, stdout=subprocess.PIPE, stderr=log, cwd=TOP) as server:
        assert server.stdout is not None
        line = server.stdout.readline().decode().strip()
        assert line.startswith(_LISTENS), (folder / "log").read_text()
        yield line.removeprefix(_LISTENS)


@contextmanager
def emulate(folder: Path, service: str = "stripe", *more: str) -> Iterator[str]:
    """`host:port` of a service that it stands in for, until the block ends; `more` are arguments for it."""
    shim = folder / "older-node.cjs"
    shim.write_text(_OLDER_NODE)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    address = f"127.0.0.1:{port}"
    node, program = shutil.which("node"), shutil.which("emulate")
    assert node is not None
    assert program is not None
    command = [node, "--require", str(shim), str(Path(program).resolve())]
    command += ["start", "--service", service, *more, "--port", str(port), "--base-url", f"http://{address}"]
    with (
        (folder / "log").open("wb") as log,
        _running(command, stdout=log, stderr=log, cwd=folder, env=os.environ | {"NO_COLOR": "1"}) as server,
    ):
        until = time.monotonic() + _PATIENCE
        while not _answers(address):
            assert server.poll() is None, (folder / "log").read_text()
            assert time.monotonic() < until, (folder / "log").read_text()
            time.sleep(0.02)
        yield address


@contextmanager
def _running(command: list[str], **more: Any) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(command, **more) as server:
        try:
            yield server
        finally:
            server.terminate()
            try:
                server.wait(5)
            except subprocess.TimeoutExpired:
                server.kill()


def _answers(address: str) -> bool:
    try:
        with socket.create_connection((address.partition(":")[0], int(address.partition(":")[2])), 1):
            return True
    except OSError:
        return False


_UNKNOWN = {
    "/v1/invoices": {"status", "created[gte]"},
    "/v1/customers": {"created[gte]"},
    "/v1/refunds": {"created[gte]"},
}


@contextmanager
def fitted(address: str) -> Iterator[str]:
    """localstripe with the lists that it cannot filter whole: whoever asks has to look at what comes."""

    def answer(asked: Asked) -> Said:
        query = {name: value for name, value in asked.query.items() if name not in _UNKNOWN.get(asked.path, ())}
        if "created[gte]" in query:  # of charges it knows what is after a moment, but not what is at it
            query["created[gt]"] = str(max(1_500_000_001, int(query.pop("created[gte]")) - 1))
        with closing(HTTPConnection(address, timeout=10)) as connection:
            headers = {"Authorization": asked.headers["authorization"]}
            connection.request(asked.method, f"{asked.path}?{urlencode(query)}", asked.body or None, headers)
            found = connection.getresponse()
            return Said(json.loads(found.read()), found.status)

    here, stop = serve(answer)
    try:
        yield here
    finally:
        stop()


def main() -> None:
    import asyncio

    from aiohttp import web
    from localstripe import resources, server

    resources.Store.dump_to_disk = lambda _: None  # it would share a file with whoever else runs it

    async def listen() -> None:
        runner = web.AppRunner(server.app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        print(f"{_LISTENS}{host}:{port}", flush=True)  # noqa: T201  whoever started it waits for this line
        await asyncio.Event().wait()

    asyncio.run(listen())


if __name__ == "__main__":
    main()
