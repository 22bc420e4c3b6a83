"""Peers: software that nobody here wrote, run for real beside us. Tests that need one are marked with its name.

`@pytest.mark.peer("llama.cpp")`: where it is not installed these tests are left out, and the end of the test run names
the peer. With `--need-peer=llama.cpp`, as .ci/run says it, its absence is a failure instead.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec


@dataclass(frozen=True, slots=True)
class Peer:
    """What a peer is made of: modules of Python, programs on the PATH. `how` is the command that installs it."""

    what: str
    how: str
    modules: Sequence[str] = ()
    programs: Sequence[str] = ()

    @property
    def missing(self) -> list[str]:
        modules = [name for name in self.modules if find_spec(name) is None]
        return modules + [name for name in self.programs if shutil.which(name) is None]


INSTALL = "pip install -e '.[peers]'"
PEERS = {
    "llama.cpp": Peer("a server of language models", INSTALL, modules=("xllamacpp", "gguf", "numpy")),
    "chromium": Peer(
        "a browser", f"apt-get install chromium, {INSTALL}", modules=("playwright",), programs=("chromium",)
    ),
    # Sixty packages come with it: it lives in an environment of its own, and only its program is asked for.
    "mlflow": Peer(
        "a backend of traces", "pip install 'mlflow>=3.17' (elsewhere; `mlflow` on the PATH)", programs=("mlflow",)
    ),
}


def absent() -> list[str]:
    """One line for each peer that is not installed."""
    return [
        f"{name} ({peer.what}): {', '.join(peer.missing)} missing; {peer.how}"
        for name, peer in PEERS.items()
        if peer.missing
    ]
