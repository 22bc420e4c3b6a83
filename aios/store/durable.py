"""What makes a write survive a power cut: syncing files, and the directories that name them."""

from __future__ import annotations

import fcntl
import os
import sys
from pathlib import Path


def sync_file(descriptor: int, *, data_only: bool = True) -> None:
    """Force a file's content (and size) to the disk. On macOS plain fsync stops at the drive's cache: ask for more."""
    if sys.platform == "darwin":  # pragma: no cover
        fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
    elif data_only:
        os.fdatasync(descriptor)
    else:
        os.fsync(descriptor)


def sync_directory(path: Path) -> None:
    """Force a directory's entries to the disk; a missing directory has none."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_directories(top: Path, name: str) -> None:
    """Sync every directory from that of `top/name` up to one that is surely old (`refs/heads` and its like)."""
    parts = name.split("/")[:-1]
    for depth in range(len(parts), min(2, len(parts)) - 1, -1):
        sync_directory(top.joinpath(*parts[:depth]))
