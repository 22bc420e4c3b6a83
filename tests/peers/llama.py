"""llama.cpp's own server of OpenAI's chat completions, from a wheel, with a model made on the spot.

As a program (`python -m tests.peers.llama MODEL KEY`) this module is the server; it says where it listens and stays.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

from tests.peers import tiny_model

KEY = "sk-the-tests-own"
MODEL = "tiny-random"
TOP = Path(__file__).parents[2]
_LISTENS = "listens at "


@dataclass(frozen=True, slots=True)
class Llama:
    """A server that runs."""

    url: str

    def said(self) -> int:
        """How many tokens it made so far, by its own count."""
        connection = HTTPConnection(urlsplit(self.url).netloc, timeout=5)
        with closing(connection):
            connection.request("GET", "/metrics", headers={"Authorization": f"Bearer {KEY}"})
            told = connection.getresponse().read().decode()
        return int(told.partition("\nllamacpp:tokens_predicted_total ")[2].partition("\n")[0])


@contextmanager
def serving(folder: Path, *, tools: bool = False, brief: bool = False) -> Iterator[Llama]:
    """The server with a tiny model, until the block ends. `folder` takes the model and the log."""
    model, log = folder / "tiny.gguf", folder / "log"
    tiny_model.write(model, tools=tools, brief=brief)
    command = [sys.executable, "-m", "tests.peers.llama", str(model), KEY]
    with log.open("wb") as said, subprocess.Popen(command, cwd=TOP, stdout=subprocess.PIPE, stderr=said) as server:
        try:
            assert server.stdout is not None
            lines = (line.decode(errors="replace").strip() for line in server.stdout)
            line = next((line for line in lines if line.startswith(_LISTENS)), "")
            assert line, log.read_text(errors="replace")
            yield Llama(f"{line.removeprefix(_LISTENS)}/v1")
        finally:
            server.terminate()
            try:
                server.wait(5)
            except subprocess.TimeoutExpired:
                server.kill()


def main(model: str, key: str) -> None:
    import xllamacpp

    wanted = xllamacpp.CommonParams()
    wanted.model.path = model
    wanted.model_alias = {MODEL}
    wanted.hostnames, wanted.port = ["127.0.0.1"], 0
    wanted.api_keys = [key]
    wanted.n_ctx, wanted.n_parallel = tiny_model.CONTEXT, 1
    wanted.cpuparams.n_threads = wanted.cpuparams_batch.n_threads = 1  # more of them wait for each other
    wanted.n_threads_http = 2
    wanted.n_gpu_layers = 0
    wanted.use_jinja = True
    wanted.warmup = wanted.ui = False
    wanted.offline = wanted.endpoint_metrics = True
    server = xllamacpp.Server(wanted)
    print(f"{_LISTENS}{server.listening_address}", flush=True)  # noqa: T201  whoever started it waits for this line
    signal.pause()


if __name__ == "__main__":
    main(*sys.argv[1:])
