"""Trees as `aios.domain.tree.Tree` wants them: a commit, changes laid over a tree, the operator's work tree.

Symbolic links and submodules are no files of the company: they are not listed and not read.
"""

from __future__ import annotations

import os
import re
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from aios.domain.tree import Changeset, Identified, Tree
from aios.store.git import Git

if TYPE_CHECKING:
    from aios.domain.event import Change

_FILES = ("100644", "100755")
_TREE_ID = re.compile("[0-9a-f]{40,64}")
# Never part of a company, whatever the operator's ignore rules say.
_SKIPPED = frozenset({".git", ".aios"})


class CommitTree:
    """The files of one commit. Reads lazily; the listing is made once."""

    def __init__(self, git: Git, commit: str) -> None:
        self.git = git
        self.commit = git.commit(commit)

    def read(self, path: str) -> bytes | None:
        oid = self.blob(path)
        return None if oid is None else self.git.read_blob(oid)

    def blob(self, path: str) -> str | None:
        if "_listed" in self.__dict__:  # ten times cheaper than the directories one by one
            mode, oid = self._listed.get(path, ("", ""))
            return oid if mode in _FILES else None
        entry = self.git.entry(self.commit, path)
        return entry.oid if entry is not None and entry.mode in _FILES else None

    def paths(self, prefix: str = "") -> Sequence[str]:
        return _starting_with(self._sorted, prefix)

    def identity(self, directories: Sequence[str]) -> str:
        """The directories' tree ids."""
        found = (self.git.entry(self.commit, name.rstrip("/")) for name in directories)
        return " ".join(entry.oid if entry is not None else "-" for entry in found)

    def changes_since(self, identity: str, directories: Sequence[str]) -> Mapping[str, str | None] | None:
        """Asks git, who passes over all directories that are the same; None where it no longer has what was there."""
        before, after = identity.split(" "), self.identity(directories).split(" ")
        if not len(before) == len(after) == len(directories):
            return None
        changes: dict[str, str | None] = {}
        for directory, old, new in zip(directories, before, after, strict=True):
            if old == new:
                continue
            if not (_TREE_ID.fullmatch(old) and _TREE_ID.fullmatch(new)):
                return None
            done = self.git.process("diff-tree", "-r", "-z", "--raw", "--no-abbrev", "--no-renames", old, new)
            if done.returncode:
                return None
            changes |= _blobs_now(directory, done.stdout)
        return changes

    def blobs(self, prefix: str = "") -> Mapping[str, str]:
        """Path → blob id of all files below `prefix`, sorted."""
        return {path: self._listed[path][1] for path in self.paths(prefix)}

    @cached_property
    def _listed(self) -> Mapping[str, tuple[str, str]]:
        return self.git.tree(self.commit)

    @cached_property
    def _sorted(self) -> list[str]:
        return [path for path, (mode, _) in self._listed.items() if mode in _FILES]


class EmptyTree:
    """No files at all: what an unborn branch has."""

    def read(self, path: str) -> bytes | None:  # noqa: ARG002
        return None

    def blob(self, path: str) -> str | None:  # noqa: ARG002
        return None

    def paths(self, prefix: str = "") -> Sequence[str]:  # noqa: ARG002
        return ()


class OverlayTree:
    """`changes` laid over `base`."""

    def __init__(self, base: Tree, changes: Changeset, *, hash_size: int = 20) -> None:
        self.base = base
        self.changes = dict(changes)
        self._hash_size = hash_size

    def read(self, path: str) -> bytes | None:
        return self.changes[path] if path in self.changes else self.base.read(path)

    def blob(self, path: str) -> str | None:
        if path not in self.changes:
            return self.base.blob(path)
        content = self.changes[path]
        return None if content is None else blob_id(content, hash_size=self._hash_size)

    def paths(self, prefix: str = "") -> Sequence[str]:
        return _starting_with(self._sorted, prefix)

    def identity(self, directories: Sequence[str]) -> str:
        """The base's, with what is laid over these directories; empty where the base has none."""
        below = self.base.identity(directories) if isinstance(self.base, Identified) else ""
        over = [(path, self.blob(path)) for path in sorted(self.changes) if path.startswith(tuple(directories))]
        if not below or not over:
            return below
        import hashlib

        return f"{below} {hashlib.sha256(repr(over).encode(errors='surrogateescape')).hexdigest()}"

    def changes_since(self, identity: str, directories: Sequence[str]) -> Mapping[str, str | None] | None:
        """The base's, with what is laid over it; None where another overlay had that identity."""
        below = self.base.changes_since(identity, directories) if isinstance(self.base, Identified) else None
        if below is None:
            return None
        over = {path: self.blob(path) for path in self.changes if path.startswith(tuple(directories))}
        return {**below, **over}

    @cached_property
    def _sorted(self) -> list[str]:
        kept = {path for path in self.base.paths() if path not in self.changes}
        return sorted(kept | {path for path, content in self.changes.items() if content is not None})


class WorkTree:
    """The files below a directory as they are now, uncommitted edits included.

    With `git`, files that the operator has git ignore are left out, as everywhere else.
    """

    def __init__(self, root: Path, *, git: Git | None = None) -> None:
        self.root = root
        self._git = git

    def read(self, path: str) -> bytes | None:
        place = self.root / path
        if place.is_symlink() or not place.is_file():
            return None
        try:
            return place.read_bytes()
        except FileNotFoundError:  # deleted between the two looks
            return None

    def blob(self, path: str) -> str | None:
        content = self.read(path)
        return None if content is None else blob_id(content, hash_size=self._git.hash_size if self._git else 20)

    def paths(self, prefix: str = "") -> Sequence[str]:
        if self._git is None:
            return sorted(path for path in _walk(self.root, "") if path.startswith(prefix))
        listed = self._git.run("ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate")
        found = (os.fsdecode(path) for path in listed.split(b"\0") if path)
        return sorted(path for path in found if path.startswith(prefix) and self._is_ours(path))

    def _is_ours(self, path: str) -> bool:
        place = self.root / path
        return path.split("/", maxsplit=1)[0] not in _SKIPPED and place.is_file() and not place.is_symlink()


def blob_id(content: bytes, *, hash_size: int = 20) -> str:
    """The id that git gives a file's content."""
    import hashlib  # 2 ms that a command need not pay where git tells the ids

    data = b"blob %d\0" % len(content) + content
    return (hashlib.sha256(data) if hash_size == 32 else hashlib.sha1(data, usedforsecurity=False)).hexdigest()


def changed_paths(git: Git, a: str | None, b: str, *, renames: bool = False) -> list[Change]:
    """What differs between two commits, sorted by path; `a` None stands for nothing at all.

    With `renames`, a file that moved is one change with `renamed_from`; without, a deletion and an addition.
    """
    base = a or git.run("hash-object", "-t", "tree", "--stdin", input=b"").decode().strip()
    how = "--find-renames" if renames else "--no-renames"
    fields = git.run("diff-tree", "-r", "-z", "--raw", "--no-abbrev", how, base, b).split(b"\0")
    return sorted(_changes(iter(os.fsdecode(field) for field in fields)), key=lambda change: change.path)


def _blobs_now(directory: str, raw: bytes) -> dict[str, str | None]:
    """What `git diff-tree -z --raw` of a directory says there is now; what is no file of ours is gone."""
    fields = raw.split(b"\0")
    found: dict[str, str | None] = {}
    for facts, name in zip(fields[::2], fields[1::2], strict=False):
        _, mode, _, oid, _ = facts.decode().split(" ")
        found[directory + os.fsdecode(name)] = oid if mode in _FILES else None
    return found


def _changes(fields: Iterator[str]) -> Iterator[Change]:
    from aios.domain.event import Change

    for facts in fields:
        if not facts:
            return
        _, _, before, after, status = facts.removeprefix(":").split(" ")
        first = next(fields)
        path, old = (next(fields), first) if status[0] in "RC" else (first, "")
        yield Change(path, before.strip("0") and before, after.strip("0") and after, old)


def _starting_with(ordered: list[str], prefix: str) -> list[str]:
    if not prefix:
        return list(ordered)
    start = bisect_left(ordered, prefix)
    end = start
    while end < len(ordered) and ordered[end].startswith(prefix):
        end += 1
    return ordered[start:end]


def _walk(directory: Path, prefix: str) -> Iterator[str]:
    with os.scandir(directory) as entries:
        for entry in entries:
            if entry.is_symlink() or (not prefix and entry.name in _SKIPPED):
                continue
            if entry.is_dir():
                yield from _walk(Path(entry.path), f"{prefix}{entry.name}/")
            elif entry.is_file():
                yield prefix + entry.name
