"""Dying at a boundary that a crash may fall on: a child does the work and ends there, without a word."""

from __future__ import annotations

import os
from collections.abc import Callable
from hashlib import sha256
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


def boundaries(root: Path, drive: Drive) -> dict[int, str]:
    """Drive undisturbed; number and name of every boundary that is worth dying at.

    A process that is killed leaves what lies on disk, and nothing else: where `root` and what lies beside it are, byte
    for byte, as at the boundary before, to die is to die there.
    """
    found: dict[int, str] = {}
    number, before = 0, b""

    def checkpoint(name: str) -> None:
        nonlocal number, before
        number += 1
        now = _on_disk(root.parent)
        if now != before:
            found[number], before = name, now

    drive(root, checkpoint)
    return found


def _on_disk(top: Path) -> bytes:
    """A digest of every file and every folder under `top`."""
    digest = sha256()
    for path in sorted(top.rglob("*")):
        content = path.read_bytes() if path.is_file() else os.fsencode(path.readlink()) if path.is_symlink() else b""
        digest.update(b"%s\0%d\0%s" % (os.fsencode(path), len(content), content))
    return digest.digest()
