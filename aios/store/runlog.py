"""A run's log: durable when `append` returns, a commit when it is flushed.

Entries wait in the journal and become commits in batches, with ids that do not depend on when: author and date come
from the entry. What a crash left in the journal is brought into git when the log is opened again; an entry that git
already has is recognised in the branch's history and is not written twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from aios.domain.tree import Tree
from aios.errors import AiosError, CorruptError, MovedError
from aios.store.commits import Draft, Files, commit_many, imprint
from aios.store.git import Git, full_ref
from aios.store.journal import SUFFIX, Entry, Journal, pending_entries
from aios.store.trees import CommitTree, EmptyTree, OverlayTree, changed_paths
from aios.store.writing import sweep

EVERY = 100
BYTES = 16 * 1024 * 1024
_ATTEMPTS = 3


class RunLog:
    """The log of one run on one branch.

    `start` is the commit at which the branch begins where it does not exist yet. Opening recovers: it raises MovedError
    where the branch was changed meanwhile in a way that the waiting entries cannot follow; the journal is kept then.
    """

    def __init__(self, git: Git, ref: str, journal: Journal, *, start: str | None = None, every: int = EVERY) -> None:
        self.git = git
        self.ref = full_ref(ref)
        self.journal = journal
        self._every = every
        self._start = start
        self._pending: list[Entry] = []
        self._tip: str | None = None
        self._files: Files | None = None  # what `pending` makes of the branch, so far
        self._recover()

    @property
    def tip(self) -> str | None:
        """The branch's commit in git, as this log knows it; None before the first flush of a new branch."""
        return self._tip

    @property
    def pending(self) -> tuple[Entry, ...]:
        """What is durable and not yet a commit, oldest first."""
        return tuple(self._pending)

    def append(self, draft: Draft, key: str) -> Entry:
        """Make a step durable. Where this raises, the step is not in the log."""
        if len(self._pending) >= self._every or self.journal.size >= BYTES:
            self.flush()
        self._require_writable(draft)
        entry = Entry(key, self.ref, draft, self._tip or self._start or "", new_ref=self._tip is None)
        self.journal.append(entry)
        self._pending.append(entry)
        return entry

    def _require_writable(self, draft: Draft) -> None:
        """What could never become a commit must not get into the journal: nothing behind it could either."""
        files = self._files
        self._files = None
        if files is None:
            files = Files(self.git, self._tip or self._start)
            for entry in self._pending:
                files.accept(entry.draft)
        files.accept(draft)
        self._files = files

    def tree(self) -> OverlayTree:
        """The branch's files with everything appended so far."""
        return overlay(self.git, self._tip or self._start, self._pending)

    def flush(self) -> str:
        """Turn what waits into commits; give the branch's tip.

        Where the operator committed to the branch meanwhile, the entries go on top, unless they changed the same files:
        then MovedError names them, nothing is written and the journal is kept. Raises AiosError on a branch that has
        neither a commit nor entries.
        """
        for left in reversed(range(_ATTEMPTS)):
            try:
                self._commit()
                break
            except MovedError:  # perhaps by a git of a killed writer of this very run: then there is less to do
                if not left or self.git.rev(self.ref) == self._tip:
                    raise
        if self.journal.size:
            self.journal.truncate()
        if self._tip is None:
            raise AiosError(f"`{_short(self.ref)}` has no commit yet.")
        return self._tip

    def _commit(self) -> None:
        if self._pending:
            self._drop_flushed()
        if self._pending:
            start = self._pending[0].parent or None
            drafts = [entry.draft for entry in self._pending]
            self._tip = commit_many(self.git, self.ref, drafts, expected=self._tip, start=start)[-1]
            self._pending.clear()
            self._files = None
        else:
            self._tip = self.git.rev(self.ref)

    def close(self) -> None:
        """Flush, and give the journal back."""
        if self._pending:
            self.flush()
        self.journal.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is None:
            self.close()
        else:  # something went wrong: what waits is safe in the journal, and flushing might hide the error
            self.journal.close()

    def _recover(self) -> None:
        entries = self.journal.entries()
        foreign = next((entry.ref for entry in entries if entry.ref != self.ref), None)
        if foreign:
            raise CorruptError(f"{self.journal.path.name} belongs to `{_short(foreign)}`, not `{_short(self.ref)}`.")
        self._tip = self.git.rev(self.ref)
        self._pending = list(entries)
        sweep(self.git.dir)
        if entries:
            self.flush()

    def _drop_flushed(self) -> None:
        """Where the branch is not where the first entry saw it: leave out what git has; does the rest fit?"""
        first, now = self._pending[0], self.git.rev(self.ref)
        self._tip = now
        if now == (None if first.new_ref else first.parent):
            return
        waiting = unflushed(self.git, now, self._pending)
        if len(waiting) == len(self._pending):
            self._require_harmless(first, now)
        self._pending = list(waiting)

    def _require_harmless(self, first: Entry, now: str | None) -> None:
        """May the waiting entries go on top of what the branch is now?"""
        name, kept = _short(self.ref), f"{len(self._pending)} finished steps wait in {self.journal.path}."
        if now is None:
            raise MovedError(f"`{name}` was deleted meanwhile; {kept}", f"`git branch {name} {first.parent[:10]}`")
        if not first.parent or not self.git.is_ancestor(first.parent, now):
            raise MovedError(f"The history of `{name}` was rewritten meanwhile; {kept}", _look_at(first.parent, now))
        ours = {path for entry in self._pending for path in entry.draft.changes}
        both = sorted(ours & {change.path for change in changed_paths(self.git, first.parent, now)})
        if both:
            shown = ", ".join(both[:5])
            what = f"`{name}` was changed meanwhile in files of the run ({shown})"
            raise MovedError(f"{what}; {kept}", _look_at(first.parent, now))


@dataclass(frozen=True, slots=True)
class Pending:
    """What one journal holds that git does not have. `tip` is the branch's commit, None where it has none yet."""

    ref: str
    tip: str | None
    entries: tuple[Entry, ...]

    def tree(self, git: Git) -> OverlayTree:
        """The branch's files as they will be."""
        return overlay(git, self.tip or self.entries[0].parent or None, self.entries)


def pending(git: Git) -> dict[str, Pending]:
    """By full ref name, what the journals of all runs hold beyond git; for readers, who need no lock."""
    found: dict[str, Pending] = {}
    for path in sorted(journals(git)):
        entries = pending_entries(path)  # before the ref: what is flushed in between is then seen there
        if entries:
            ref = entries[0].ref
            tip = git.rev(ref)
            waiting = unflushed(git, tip, entries)
            if waiting:
                found[ref] = Pending(ref, tip, waiting)
    return found


def journals(git: Git) -> list[Path]:
    """The journals of this repository, of running and of interrupted runs."""
    return list((git.dir / "aios").glob(f"*{SUFFIX}"))


def journal_path(git: Git, ulid: str) -> Path:
    """Where the journal of a run lies; `ulid` is the last part of its id."""
    return git.dir / "aios" / f"{ulid}{SUFFIX}"


def overlay(git: Git, commit: str | None, entries: Sequence[Entry]) -> OverlayTree:
    """The files of a commit with the entries' changes on top."""
    base: Tree = CommitTree(git, commit) if commit else EmptyTree()
    changes = {path: content for entry in entries for path, content in entry.draft.changes.items()}
    return OverlayTree(base, changes, hash_size=git.hash_size)


def unflushed(git: Git, tip: str | None, entries: Sequence[Entry]) -> tuple[Entry, ...]:
    """The entries that the branch at `tip` does not have.

    A flush writes entries in order and all or none: an entry is there if, behind the commit of the one before it, a
    commit since the entry's parent has its author, date and message.
    """
    if not entries or tip is None or tip == entries[0].parent:
        return tuple(entries)
    parent = entries[0].parent
    since = [f"^{parent}"] if parent and git.rev(parent) else []
    listed = git.text("rev-list", "--reverse", "--topo-order", tip, *since).split()
    history = (imprint(found.content) for found in git.read_objects(listed) if found is not None)
    for number, entry in enumerate(entries):
        wanted = entry.draft.imprint()
        if not any(seen == wanted for seen in history):
            return tuple(entries[number:])
    return ()


def _short(ref: str) -> str:
    return ref.removeprefix("refs/heads/")


def _look_at(a: str, b: str) -> str:
    return f"See what happened with `git diff {a[:10]} {b[:10]}`; put the branch back, or reject the run."
