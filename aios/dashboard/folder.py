"""The folder that the pages are written to: only what changed is written, and what is no page any more is removed.

A folder is ours where it holds our list of files, and nothing that is not on it is ever touched.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Self

from aios.errors import RefusedError

LIST = ".aios-dashboard"


class Folder:
    """Raises RefusedError for a folder that holds something else."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._written: set[str] = set()
        if root.exists() and not root.is_dir():
            raise RefusedError(f"{root} is a file", "name a folder for the pages")
        root.mkdir(parents=True, exist_ok=True)
        if any(root.iterdir()) and not (root / LIST).is_file():
            raise RefusedError(f"{root} holds something else", "name an empty folder for the pages")
        self._before = set((root / LIST).read_text().splitlines()) if (root / LIST).is_file() else set()
        # Each file is on the list before it is there: should this be cut off, the next build still knows it as ours.
        self._list = (root / LIST).open("a")
        self._folders: set[Path] = set()
        self.changed = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._list.close()

    def write(self, path: str, text: str) -> None:
        file = self._root / path
        content = text.encode("utf-8", errors="replace")
        self._written.add(path)
        if path not in self._before:
            self._list.write(f"{path}\n")
            self._list.flush()
        elif _is(file, content):
            return
        if file.parent not in self._folders:
            file.parent.mkdir(parents=True, exist_ok=True)
            self._folders.add(file.parent)
        file.write_bytes(content)
        self.changed += 1

    def finish(self) -> int:
        """Remove what is stale; how many files that were."""
        stale = self._before - self._written
        for path in stale:
            file = self._root / path
            if file.resolve().is_relative_to(self._root.resolve()):
                file.unlink(missing_ok=True)
        for folder in sorted({(self._root / path).parent for path in stale}, key=lambda each: -len(each.parts)):
            if folder != self._root and folder.is_dir() and not any(folder.iterdir()):
                folder.rmdir()
        temporary = self._root / f"{LIST}.part"
        temporary.write_text("\n".join(sorted(self._written)) + "\n")
        os.replace(temporary, self._root / LIST)  # noqa: PTH105
        return len(stale)


def _is(file: Path, content: bytes) -> bool:
    try:
        return file.stat().st_size == len(content) and file.read_bytes() == content
    except OSError:
        return False
