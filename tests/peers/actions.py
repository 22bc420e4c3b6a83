"""GitHub's own parser of workflow files and of their expressions, from npm."""

from __future__ import annotations

import os
from pathlib import Path

PACKAGE = "@actions/workflow-parser"


def modules() -> Path | None:
    """The folder of npm's modules that has the parser: beside a `.bin` on the PATH; None where none has."""
    for place in os.environ.get("PATH", "").split(os.pathsep):
        folder = Path(place).parent
        if Path(place).name == ".bin" and (folder / PACKAGE).is_dir():
            return folder
    return None
