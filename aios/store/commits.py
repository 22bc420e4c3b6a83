"""Commits, many at a time, without the index or the work tree.

One `git fast-import` per batch writes into a ref of its own (`refs/aios/import/…`); only when pack and directory are
synced does one transaction move the branch, by compare-and-swap, and drop that ref. A crash in between leaves the
branch as it was. Ids follow from the drafts alone: the same drafts on the same parent give the same commits.
"""

from __future__ import annotations

import hashlib
import math
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from aios.domain.event import one_line
from aios.domain.tree import Changeset
from aios.errors import AiosError, RefusedError
from aios.store.checkout import advance
from aios.store.durable import sync_directory
from aios.store.git import Git, full_ref, moved
from aios.store.launch import failure, require_version
from aios.store.trees import blob_id
from aios.store.writing import Writing, drop_keeps, past_killed_writers, writing

__all__ = [
    "BothChanged",
    "Draft",
    "Files",
    "advance",
    "commit_many",
    "commit_object",
    "commit_objects",
    "imprint",
    "merge_commit",
    "merge_trees",
]

IMPORTS = "refs/aios/import/"
_FILES = ("100644", "100755")
_DIRECTORY, _LINK, _SUBMODULE = "40000", "120000", "160000"
# fast-import gives memory back to the system after every tree, only to ask for it again: half of its time with glibc.
_ALLOCATOR = {"MALLOC_TOP_PAD_": str(64 << 20), "MALLOC_TRIM_THRESHOLD_": str(256 << 20)}
_UNSAFE_PARTS = frozenset({"", ".", "..", ".git", "git~1"})
_NOT_IN_NAMES = re.compile(r"[\x00-\x20\x7f<>]+")
_QUOTED = {0x22: b'\\"', 0x5C: b"\\\\", 0x0A: b"\\n"}


@dataclass(frozen=True, slots=True)
class Draft:
    """A commit to be. `at` is ISO 8601 with an offset, for author and committer alike; seconds count, parts of them do
    not. `parents` are further parents beside the one it is built on."""

    message: str
    changes: Changeset
    at: str
    author: str
    email: str
    parents: tuple[str, ...] = ()

    def signature(self) -> bytes:
        """Name, address and date as a commit has them. Raises AiosError where `at` has no offset."""
        return b"%s <%s> %s" % (_name(self.author), _name(self.email), _when(self.at))

    def imprint(self) -> bytes:
        """What tells this draft from others and outlasts a rebase or an amendment: author, date and message."""
        return self.signature() + b"\n" + _message(self.message)


def commit_many(
    git: Git,
    ref: str,
    drafts: Sequence[Draft],
    *,
    expected: str | None,
    start: str | None = None,
    parents_extra: Sequence[str] = (),
) -> list[str]:
    """Append commits to a ref that is at `expected` (None: it must not exist yet); give their ids, durable on return.

    A new ref begins at `start` (a commit), or with a root commit where that is None too. `parents_extra` become parents
    of the last commit. Raises MovedError where the ref is elsewhere, RefusedError for a path that cannot be written.
    """
    if not drafts:
        return []
    name = full_ref(ref)
    now = git.rev(name)
    if now != expected:
        raise moved(name, expected, now)
    subject = one_line(_message(drafts[-1].message).decode().partition("\n")[0])

    def act() -> list[str]:
        with writing(git.dir) as mark:
            ids, temporary = _import(git, drafts, expected or start, parents_extra, mark)
            commands = [f"update {name} {ids[-1]} {expected or git.zero}", f"delete {temporary} {ids[-1]}"]
            git.update_refs(commands, reason=f"aios: {subject}", ref=name, expected=expected, writing=mark)
        return ids

    return past_killed_writers(git.dir, act)


def merge_commit(
    git: Git,
    *,
    ours: str,
    theirs: str,
    tree_changes: Changeset,
    message: str,
    at: str,
    author: str,
    email: str,
) -> str:
    """A merge commit as an object that no ref names yet: the tree of `ours` with `tree_changes`, both as parents.

    A path that becomes what `theirs` has takes its mode from there too.
    """
    return commit_object(
        git, parent=ours, changes=tree_changes, message=message, at=at, author=author, email=email, parents=(theirs,)
    )


def commit_object(
    git: Git,
    *,
    parent: str | None,
    changes: Changeset,
    message: str,
    at: str,
    author: str,
    email: str,
    parents: Sequence[str] = (),
) -> str:
    """A commit on top of `parent` that no ref names yet, synced; for `advance`. `parents` are further parents."""
    return commit_objects(git, parent, [Draft(message, changes, at, author, email)], parents_extra=parents)[0]


def commit_objects(
    git: Git, parent: str | None, drafts: Sequence[Draft], *, parents_extra: Sequence[str] = ()
) -> list[str]:
    """Commits one on the other on top of `parent`, that no ref names yet, synced. `parents_extra` are of the last."""
    if not drafts:
        return []

    def act() -> list[str]:
        with writing(git.dir) as mark:
            ids, temporary = _import(git, drafts, parent, parents_extra, mark)
            commands = [f"delete {temporary} {ids[-1]}"]
            git.update_refs(commands, reason="aios: commit", ref=temporary, expected=ids[-1], writing=mark)
        return ids

    return past_killed_writers(git.dir, act)


def merge_trees(
    git: Git, base: str | None, ours: str, theirs: str
) -> tuple[dict[str, bytes | None], list[BothChanged]]:
    """Three-way merge by whole files.

    Gives what `theirs` alone changed, as a changeset relative to `ours`, and the files that both changed differently,
    sorted by path: merging contents is the caller's.
    """
    before = git.tree(base) if base else {}
    mine, other = git.tree(ours), git.tree(theirs)
    taken: list[str] = []
    both: list[str] = []
    for path in sorted(before.keys() | mine.keys() | other.keys()):
        was, here, there = (tree.get(path, ("", ""))[1] for tree in (before, mine, other))
        if there in (here, was):
            continue
        (taken if here == was else both).append(path)
    changes = {path: _content(git, other, path) for path in taken}
    return changes, [BothChanged(path, *(_content(git, tree, path) for tree in (before, mine, other))) for path in both]


@dataclass(frozen=True, slots=True)
class BothChanged:
    """A file that both sides of a merge changed; None where it does not exist."""

    path: str
    base: bytes | None
    ours: bytes | None
    theirs: bytes | None


def _content(git: Git, files: Mapping[str, tuple[str, str]], path: str) -> bytes | None:
    return git.read_blob(files[path][1]) if path in files else None


def _import(
    git: Git, drafts: Sequence[Draft], base: str | None, parents_extra: Sequence[str], mark: Writing
) -> tuple[list[str], str]:
    """Write the commits, synced; give their ids and the temporary ref that holds the last one."""
    require_version()
    sections = list(_sections(git, drafts, base, parents_extra))
    # Named by content: two writers of the same thing make the same commits, and a leftover is met again by its repeat.
    ref = IMPORTS + hashlib.sha256(b"".join(sections)).hexdigest()[:32]
    stream = b"".join(b"commit %s\n%s" % (ref.encode(), section) for section in sections) + b"done\n"
    out, err, code = _fast_import(git, stream, mark)
    if b"cannot create keep file" in err:  # the very same import was killed before
        drop_keeps(git.dir)
        out, err, code = _fast_import(git, stream, mark)
    if code:
        raise failure(("fast-import",), err, code)
    sync_directory(git.dir / "objects" / "pack")
    return out.decode().split(), ref


def _fast_import(git: Git, stream: bytes, mark: Writing) -> tuple[bytes, bytes, int]:
    # Always a pack, also for one commit: fewer files to sync than loose objects, and `maintain` rolls packs up.
    command = ("-c", "fastimport.unpackLimit=0", "fast-import", "--quiet", "--force", "--done")
    with git.open(*command, writing=mark, env=_ALLOCATOR) as process:
        out, err = process.communicate(stream)
    if process.returncode:
        (git.worktree_dir / f"fast_import_crash_{process.pid}").unlink(missing_ok=True)
    return out, err, process.returncode


def _sections(git: Git, drafts: Sequence[Draft], base: str | None, parents_extra: Sequence[str]) -> Iterator[bytes]:
    """One section of the import stream per commit, behind its `commit <ref>` line."""
    files = Files(git, base)
    for number, draft in enumerate(drafts, 1):
        last = number == len(drafts)
        others = (*draft.parents, *(parents_extra if last else ()))
        if others:
            files.modes_of = others[-1]
        message, who = _message(draft.message), draft.signature()
        # Only the first says `from`: for the others it is the commit before, whose tree git then has at hand.
        parents = [base] if base and number == 1 else []
        yield b"".join(
            (
                b"mark :%d\nauthor %s\ncommitter %s\ndata %d\n%s" % (number, who, who, len(message), message),
                *(b"from %s\n" % parent.encode() for parent in parents),
                *(b"merge %s\n" % parent.encode() for parent in others),
                *files.change(draft.changes),
                b"\nget-mark :%d\n" % number,
            )
        )


class Files:
    """What stands where while drafts are laid one over the other: keeps modes, and files apart from directories."""

    def __init__(self, git: Git, base: str | None) -> None:
        self.modes_of = ""  # a merged commit, whose modes hold for the files taken from it
        self._git = git
        self._base = base
        self._known: dict[str, str] = {}  # path → mode, empty for deleted

    def accept(self, draft: Draft) -> None:
        """Lay a draft over the others. Raises AiosError where it can never become a commit; then use a new `Files`."""
        draft.signature()
        for _ in self.change(draft.changes):
            pass

    def change(self, changes: Changeset) -> Iterator[bytes]:
        """The import stream's lines of a changeset. Raises RefusedError for a path that cannot be written."""
        for path in sorted(path for path, content in changes.items() if content is None):
            if self._mode(path) not in ("", _DIRECTORY):
                self._known[path] = ""
                yield b"D %s\n" % quoted(path)
        for path, content in sorted(changes.items()):
            if content is not None:
                mode = self._writable(path, content)
                self._known[path] = mode
                yield b"M %s inline %s\ndata %d\n%s\n" % (mode.encode(), quoted(path), len(content), content)

    def _writable(self, path: str, content: bytes) -> str:
        """The mode that `path` gets. Raises RefusedError where something else is in its place."""
        parts = path.split("/")
        if any(part.casefold() in _UNSAFE_PARTS for part in parts) or "\0" in path:
            raise RefusedError(f"{path!r} is no path inside the company.")
        for depth in range(1, len(parts)):
            above = "/".join(parts[:depth])
            if self._mode(above) not in ("", _DIRECTORY):
                raise RefusedError(f"{path} cannot be written, for {above} is a file.")
        mode = self._mode(path)
        if mode == _DIRECTORY and self._any_below(path):
            raise RefusedError(f"{path} cannot be written, for it is a directory.")
        if self.modes_of:
            entry = self._git.entry(self.modes_of, path)
            if entry is not None and entry.oid == blob_id(content, hash_size=self._git.hash_size):
                return entry.mode
        if mode in (_LINK, _SUBMODULE):
            what = "symbolic link" if mode == _LINK else "submodule"
            raise RefusedError(f"{path} cannot be written, for it is a {what}.", "Replace it by a file first.")
        return mode if mode in _FILES else "100644"

    def _mode(self, path: str) -> str:
        known = self._known.get(path)
        if known is not None:
            return known
        entry = self._git.entry(self._base, path) if self._base else None
        if entry is not None and not entry.is_directory:
            return entry.mode
        inside = entry is not None or any(mode and name.startswith(f"{path}/") for name, mode in self._known.items())
        return _DIRECTORY if inside else ""

    def _any_below(self, path: str) -> bool:
        old = self._git.tree(self._base) if self._base else {}
        names = {name for name in (*old, *self._known) if name.startswith(f"{path}/")}
        return any(self._known.get(name, "old") for name in names)


def imprint(commit: bytes) -> bytes:
    """`Draft.imprint` of a commit object's content."""
    head, _, message = commit.partition(b"\n\n")
    author = next((line[7:] for line in head.split(b"\n") if line.startswith(b"author ")), b"")
    return author + b"\n" + message.rstrip(b"\n") + b"\n"


def quoted(path: str) -> bytes:
    """A path as fast-import reads it."""
    raw = os.fsencode(path)
    if raw.startswith(b'"') or b"\n" in raw:
        return b'"' + b"".join(_QUOTED.get(byte, bytes((byte,))) for byte in raw) + b'"'
    return raw


def _message(text: str) -> bytes:
    return text.replace("\0", "").rstrip("\n").encode(errors="replace") + b"\n"


def _name(text: str) -> bytes:
    return _NOT_IN_NAMES.sub(" ", text).strip().encode(errors="replace")


def _when(at: str) -> bytes:
    moment = datetime.fromisoformat(at)
    if moment.tzinfo is None:
        raise AiosError(f"The time {at} lacks an offset.", "Write it like 2026-03-02T09:00:00+00:00.")
    return f"{math.floor(moment.timestamp())} {moment:%z}".encode()
