"""The connectors that a company declares, each in its stack of sidecars: how they are stacked is read off `_stack`."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from aios.connectors.access_log import AccessLog
from aios.connectors.files import Files
from aios.connectors.site.connector import StaticSite
from aios.domain.effect import Connector
from aios.domain.finding import Finding
from aios.domain.names import CONNECTORS
from aios.domain.record import Document
from aios.domain.tree import Tree

Secret = Callable[[str], str | None]
Parse = Callable[[str, bytes], tuple[Document | None, list[Finding]]]
KINDS: dict[str, Callable[..., Connector]] = {"static-site": StaticSite, "access-log": AccessLog, "files": Files}


def load(
    tree: Tree, *, parse: Parse, root: Path, local: Path, secret: Secret, clock: Callable[[], datetime]
) -> tuple[dict[str, Connector], list[Finding]]:
    """Connectors by name, and what is wrong with the declarations."""
    del local, secret
    found: dict[str, Connector] = {}
    findings: list[Finding] = []
    for path in tree.paths(CONNECTORS):
        if not path.endswith(".yaml"):
            continue
        document, problems = parse(path, tree.read(path) or b"")
        findings += problems
        if document is None:
            continue
        name = posixpath.basename(path).removesuffix(".yaml")
        use = str(document.data.get("use", ""))
        if use not in KINDS:
            where = document.position(("use",))
            findings.append(Finding(path, *where, "connector-use", f"unknown connector `{use}`", f"known: {', '.join(KINDS)}"))
            continue
        settings: Mapping[str, Any] = document.data.get("settings") or {}
        try:
            found[name] = KINDS[use](name, settings, root=root, clock=clock)
        except ValueError as error:
            findings.append(Finding(path, *document.position(("settings",)), "connector-settings", str(error)))
    return found, findings
