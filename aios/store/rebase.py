"""Replays commits that only one copy has on top of what another copy has: records field by field.

Author, date and message stay. What the other copy has already (same author, date and message) is left out. What both
changed differently is told, and nothing is written then.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

from aios.errors import RefusedError
from aios.store.commits import Draft, commit_objects, imprint
from aios.store.git import Git
from aios.store.merge import WHOLE, Conflict, merge_documents

_WHO = re.compile(rb"(?P<name>.*?) ?<(?P<email>[^>]*)> (?P<at>-?\d+) (?P<zone>[+-]\d{4})")
_FILE = "100644"
_PROGRAM = "100755"


@dataclass(frozen=True, slots=True)
class Clash:
    """A field, or with an empty `where` a whole file, that both copies changed differently."""

    path: str
    conflict: Conflict

    def __str__(self) -> str:
        if self.conflict.where == WHOLE:
            return f"{self.path}: deleted in one copy, changed in the other"
        field = ".".join(str(part) for part in self.conflict.where)
        return f"{self.path}, {field}: here {self.conflict.theirs!r:.80}, there {self.conflict.ours!r:.80}"


@dataclass(frozen=True, slots=True)
class Replayed:
    """`tip` is the new commit (that of the other copy, where nothing was left to replay); no ref names it yet."""

    tip: str
    commits: tuple[str, ...] = ()
    clashes: tuple[Clash, ...] = ()


@dataclass(frozen=True, slots=True)
class Own:
    """A commit that one copy alone has; `merged` are its parents beside the first."""

    commit: str
    parent: str
    merged: tuple[str, ...] = ()


def own_commits(git: Git, tip: str, *without: str) -> list[Own]:
    """What `tip` has and the others do not, oldest first, along first parents: a merge is one change, with its
    source."""
    left_out = [f"^{each}" for each in without]
    lines = git.text("rev-list", "--first-parent", "--reverse", "--parents", tip, *left_out).splitlines()
    listed = [(commit, (*parents, "")[0], tuple(parents[1:])) for commit, *parents in map(str.split, lines)]
    return [Own(*each) for each in listed]


def replay(git: Git, tip: str, onto: str, *, yields: bool = False, since: str = "") -> Replayed:
    """Replay what only `tip` has on top of `onto`, or of that only what is not in `since` either. With `yields`, a path
    that both changed stays as `onto` has it.

    A merge stays one: with its own parent replaced, and without sources that `onto` contains. Raises RefusedError for
    what cannot be replayed: links, submodules, changed modes.
    """
    own = own_commits(git, tip, onto, *([since] if since else []))
    bounds = [f"^{base}"] if (base := git.merge_base(tip, onto)) else []
    there = git.text("rev-list", onto, *bounds).split() if own else []
    known = {imprint(found.content) for found in git.read_objects(there) if found is not None}
    laid = _Laid(git, onto, {}, yields=yields)
    drafts: list[Draft] = []
    for each in own:
        found = git.read_object(each.commit)
        assert found is not None  # noqa: S101  it was listed
        if imprint(found.content) not in known:
            merged = tuple(parent for parent in each.merged if not git.is_ancestor(parent, onto))
            drafts.append(draft_of(found.content, laid.accept(each), merged))
    if laid.clashes:
        return Replayed(onto, clashes=tuple(laid.clashes))
    commits = commit_objects(git, onto, drafts)
    return Replayed(commits[-1] if commits else onto, tuple(commits))


class _Laid:
    """The other copy's files with what was replayed so far laid over them."""

    def __init__(self, git: Git, onto: str, over: dict[str, bytes | None], *, yields: bool) -> None:
        self._git = git
        self._onto = onto
        self._over = over
        self._yields = yields
        self.clashes: list[Clash] = []

    def accept(self, own: Own) -> dict[str, bytes | None]:
        """What does there what a commit did here; clashes are noted."""
        changes: dict[str, bytes | None] = {}
        for path, before, theirs in _changed(self._git, own):
            ours = self._over[path] if path in self._over else self._git.read_blob(f"{self._onto}:{path}")
            if ours == theirs:
                continue
            if self._yields:
                merged = theirs if ours == before else ours
            else:
                result = merge_documents(path, before, ours, theirs)
                self.clashes += [Clash(path, conflict) for conflict in result.conflicts]
                merged = result.content
            if merged != ours:
                changes[path] = merged
        self._over.update(changes)
        return changes


def draft_of(commit: bytes, changes: Mapping[str, bytes | None], parents: tuple[str, ...] = ()) -> Draft:
    """A commit object's author, date and message with other changes."""
    head, _, message = commit.partition(b"\n\n")
    line = next((line[7:] for line in head.split(b"\n") if line.startswith(b"author ")), b"")
    found = _WHO.fullmatch(line)
    if found is None:
        raise RefusedError(f"a commit has an author that cannot be read: {line!r}", "rebase by hand")
    zone = int(found["zone"][1:3]) * 60 + int(found["zone"][3:])
    offset = timezone(timedelta(minutes=-zone if found["zone"].startswith(b"-") else zone))
    at = datetime.fromtimestamp(int(found["at"]), UTC).astimezone(offset).isoformat()
    name, email = (found[each].decode(errors="replace") for each in ("name", "email"))
    return Draft(message.decode(errors="replace"), changes, at, name, email, parents)


def _changed(git: Git, own: Own) -> Sequence[tuple[str, bytes | None, bytes | None]]:
    """Path, content before and after. Raises RefusedError where a change is more than one of content."""
    sides = (own.parent, own.commit) if own.parent else ("--root", "--no-commit-id", own.commit)
    told = git.run("diff-tree", "-r", "-z", "--raw", "--no-abbrev", "--no-renames", *sides)
    fields = [os.fsdecode(field) for field in told.split(b"\0")]
    found: list[tuple[str, bytes | None, bytes | None]] = []
    for facts, path in zip(fields[::2], fields[1::2], strict=False):
        old, new, before, after, _ = facts.removeprefix(":").split(" ")
        known = {_FILE, _PROGRAM} if old == new else {_FILE, "000000"}
        if {old, new} - known - ({_PROGRAM} if new == "000000" else set()):
            raise RefusedError(f"{own.commit[:10]} changes more of {path} than its content", "`git rebase` by hand")
        found.append((path, _content(git, before), _content(git, after)))
    return found


def _content(git: Git, oid: str) -> bytes | None:
    return git.read_blob(oid) if oid.strip("0") else None
