"""Merging a proposal into main in memory: three-way by path, field by field in records. Writes no ref."""

from __future__ import annotations

from dataclasses import dataclass

from aios.domain.tree import Changeset
from aios.errors import RefusedError
from aios.store.git import Git
from aios.store.merge import Conflict, merge_documents
from aios.store.trees import changed_paths


@dataclass(frozen=True, slots=True)
class Conflicted:
    """A field (or whole file, with an empty `conflict`) that both sides changed differently."""

    path: str
    conflict: Conflict | None

    def __str__(self) -> str:
        if self.conflict is None:
            return f"{self.path}: deleted on one side, changed on the other"
        field = ".".join(str(part) for part in self.conflict.where) or "text"
        return f"{self.path}, {field}: main has {self.conflict.ours!r:.80}, the proposal {self.conflict.theirs!r:.80}"


@dataclass(frozen=True, slots=True)
class Merge:
    """What merging would change on main, and what it cannot decide. `both` are the paths changed on both sides."""

    base: str
    changes: Changeset
    both: tuple[str, ...]
    conflicts: tuple[Conflicted, ...]


def merge(git: Git, main: str, head: str, *, prefer: str = "", own: str = "") -> Merge:
    """Merge commit `head` into commit `main`. `prefer` (`main` or `proposal`) settles conflicts; else they are told.

    `own` is a path that only the proposal writes (its run record): there it is always right.
    """
    base = git.merge_base(main, head)
    if base is None:
        raise RefusedError(
            "the proposal and main have no common history", "somebody rewrote one of them; reject the proposal"
        )
    ours = {change.path for change in changed_paths(git, base, main)}
    changes: dict[str, bytes | None] = {}
    both: list[str] = []
    conflicts: list[Conflicted] = []
    for change in changed_paths(git, base, head):
        path = change.path
        theirs = git.read_blob(f"{head}:{path}")
        if path not in ours or path == own:
            changes[path] = theirs
            continue
        before, mine = git.read_blob(f"{base}:{path}"), git.read_blob(f"{main}:{path}")
        if mine == theirs:
            continue
        both.append(path)
        if mine is None or theirs is None:
            if prefer:
                changes[path] = mine if prefer == "main" else theirs
            else:
                conflicts.append(Conflicted(path, None))
            continue
        first, second = (theirs, mine) if prefer == "proposal" else (mine, theirs)
        merged = merge_documents(path, before, first, second)
        changes[path] = merged.content
        if not prefer:
            conflicts += [Conflicted(path, conflict) for conflict in merged.conflicts]
    return Merge(base, changes, tuple(both), tuple(conflicts))
