"""Files that change from run to run, as commits of them would, without the time that git takes to write them."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from functools import cached_property

from aios.store.trees import blob_id


class GrowingTree:
    """Like a commit's tree it has an identity, and can tell what changed since an earlier one."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self.files = dict(files)
        self._blobs = {path: blob_id(content) for path, content in files.items()}
        self._changed: list[set[str]] = []

    def change(self, changes: Mapping[str, str | None]) -> None:
        for path, text in changes.items():
            if text is None:
                del self.files[path], self._blobs[path]
            else:
                self.files[path] = text.encode()
                self._blobs[path] = blob_id(self.files[path])
        self._changed.append(set(changes))
        self.__dict__.pop("_sorted", None)

    def read(self, path: str) -> bytes | None:
        return self.files.get(path)

    def blob(self, path: str) -> str | None:
        return self._blobs.get(path)

    def paths(self, prefix: str = "") -> Sequence[str]:
        start = bisect_left(self._sorted, prefix)
        return self._sorted[start : bisect_left(self._sorted, f"{prefix}\U0010ffff")]

    def identity(self, directories: Sequence[str]) -> str:
        return f"version {len(self._changed)}"

    def changes_since(self, identity: str, directories: Sequence[str]) -> Mapping[str, str | None] | None:
        known, _, number = identity.partition(" ")
        if known != "version" or not number.isdigit():
            return None  # an overlay's
        return {path: self.blob(path) for changed in self._changed[int(number) :] for path in changed}

    @cached_property
    def _sorted(self) -> list[str]:
        return sorted(self.files)
