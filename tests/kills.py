"""Dying at a boundary that a crash may fall on: a child does the work and ends there, without a word."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

# Does the work in a folder, calling the second at every boundary with its name.
Drive = Callable[[Path, Callable[[str], None]], object]


def dies_at(root: Path, boundary: int, drive: Drive) -> bool:
    """Drive in a child that dies at its `boundary`-th checkpoint; whether it died there."""
    pid = os.fork()
    if pid == 0:
        seen = 0

        def checkpoint(_: str) -> None:
            nonlocal seen
            seen += 1
            if seen == boundary:
                os._exit(9)

        try:
            drive(root, checkpoint)
        finally:
            os._exit(0)
    _, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status) == 9
