"""Did a branch come into another, and how? Told by commits alone: as a merge, as it is, squashed or rebased."""

from __future__ import annotations

from collections.abc import Mapping

from aios.domain.forge import Merge
from aios.store.git import Git

_LOOKED_AT = 500  # commits of the base since the branch began
_PATCH = ("-p", "--no-ext-diff", "--no-textconv", "--full-index", "--binary", "--no-renames", "--no-color")


def landed(git: Git, head: str, base: str) -> Merge | None:
    """How `head` came into the branch `base`; None where it did not."""
    tip = git.rev(f"refs/heads/{base}") or git.rev(base)
    if tip is None or git.rev(head) is None:
        return None
    if git.is_ancestor(head, tip):
        return _contained(git, head, tip)
    fork = git.merge_base(tip, head)
    return _copied(git, fork, head, tip) if fork else None


def _contained(git: Git, head: str, tip: str) -> Merge:
    between = git.text("rev-list", "--first-parent", "--ancestry-path", f"{head}..{tip}").split()
    if between:
        first = between[-1]
        parents = git.text("rev-list", "--parents", "-n", "1", first).split()[1:]
        if len(parents) > 1 and parents[0] != head:
            return _merge(git, first, head, "merge")
    return _merge(git, head, head, "push")


def _copied(git: Git, fork: str, head: str, tip: str) -> Merge | None:
    """The same changes as other commits: all in one (squash), or one by one (rebase)."""
    paths = [path for path in git.run("diff", "--name-only", "-z", "--no-renames", fork, head).split(b"\0") if path]
    if not paths:
        return None
    among = [path.decode(errors="surrogateescape") for path in paths]
    bounds = ("--first-parent", "--no-merges", "-n", str(_LOOKED_AT))
    there = _patches(git, "log", *bounds, "--format=commit %H", *_PATCH, f"{fork}..{tip}", "--", *among)
    if not there:
        return None
    own = _patches(git, "log", "--no-merges", "--format=commit %H", *_PATCH, f"{fork}..{head}")
    last = next((patch for patch, commit in own.items() if commit == head), "")
    if own.keys() <= there.keys() and last:
        made = there[last]
        same = git.text("show", "-s", "--format=%an%n%ae%n%at%n%B", made) == git.text(
            "show", "-s", "--format=%an%n%ae%n%at%n%B", head
        )
        if len(own) > 1 or same:
            return _merge(git, made, head, "rebase")
    whole = git.run("diff", *_PATCH, fork, head)
    patch = git.run("patch-id", "--stable", input=whole).split()
    squashed = there.get(patch[0].decode()) if patch else None
    return _merge(git, squashed, head, "squash") if squashed else None


def _patches(git: Git, *command: str) -> Mapping[str, str]:
    """Patch → the newest commit that makes it."""
    lines = git.run("patch-id", "--stable", input=git.run(*command)).decode().splitlines()
    found: dict[str, str] = {}
    for patch, _, commit in (line.partition(" ") for line in lines):
        found.setdefault(patch, commit)
    return found


def _merge(git: Git, commit: str, head: str, method: str) -> Merge:
    by, at = git.text("show", "-s", "--format=%ce%n%cI", commit).split("\n")[:2]
    return Merge(commit, by, at, head, method)
