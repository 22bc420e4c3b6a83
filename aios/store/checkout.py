"""Moves a branch the way `git merge --ff-only` does: uncommitted edits survive, or it is refused."""

from __future__ import annotations

import json
import os
from functools import partial
from pathlib import Path

from aios.errors import RefusedError
from aios.store.durable import sync_directories
from aios.store.git import Git, full_ref, moved
from aios.store.launch import failure
from aios.store.trees import blob_id, changed_paths
from aios.store.undo import undo
from aios.store.writing import Writing, past_killed_writers, sweep, writing


def advance(git: Git, branch: str, new: str, *, expected: str | None) -> None:
    """Move `branch` from `expected` to `new`, which must contain it.

    Where the branch is checked out (in any worktree), index and files follow, as in a fast-forward merge. Raises
    RefusedError, with nothing changed, naming the files where uncommitted edits or untracked files would be lost;
    MovedError where the branch is not at `expected`.
    """
    ref = full_ref(branch)
    sweep(git.dir, undo=partial(undo, git))
    now = git.rev(ref)
    if now != expected:
        raise moved(ref, expected, now)
    if now is not None and not git.is_ancestor(now, new):
        raise RefusedError(f"`{branch}` cannot move to {new[:10]}, which does not contain it.")
    for place in checked_out_at(git, ref):
        past_killed_writers(git.dir, partial(_follow, git, place, ref, expected=expected, new=new))
        return
    git.update_ref(ref, new, expected, reason=f"aios: advance {branch}")


def verify_free(git: Git, branch: str, new: str, *, expected: str) -> None:
    """Raises RefusedError, as `advance` would, where uncommitted edits are in the way of moving a branch to `new`."""
    for place in checked_out_at(git, full_ref(branch)):
        hidden = _in_the_way(git, place, expected, new) or _edited(git, place, expected, new)
        if hidden:
            raise _refused(hidden)


def rebased(git: Git, branch: str, new: str, *, expected: str) -> None:
    """Move `branch` from `expected` to `new`, which need not contain it: what is left out stands elsewhere in `new`.

    Where the branch is checked out, index and files follow, and uncommitted edits survive. Raises RefusedError, with
    nothing changed, where they would be lost; MovedError where the branch is not at `expected`.
    """
    ref = full_ref(branch)
    if git.is_ancestor(expected, new):
        advance(git, branch, new, expected=expected)
        return
    sweep(git.dir, undo=partial(undo, git))
    if (now := git.rev(ref)) != expected:
        raise moved(ref, expected, now)
    places = checked_out_at(git, ref)
    verify_free(git, branch, new, expected=expected)
    reason = f"aios: rebase {ref.removeprefix('refs/heads/')}"
    if not places:
        git.update_ref(ref, new, expected, reason=reason)
        return
    place = places[0]

    def act() -> None:
        note = json.dumps({"place": str(place), "ref": ref, "expected": expected, "new": new})
        with writing(git.dir, note=note) as mark:
            _two_way(git, place, expected, new, mark)
            try:
                commands = [f"update {ref} {new} {expected}"]
                git.update_refs(commands, reason=reason, ref=ref, expected=expected, writing=mark)
            except BaseException:
                _two_way(git, place, new, expected, mark)
                raise

    past_killed_writers(git.dir, act)


def _two_way(git: Git, place: Path, before: str, after: str, mark: Writing) -> None:
    """Index and files from one commit to the other; edits of other files stay."""
    git.process("update-index", "-q", "--refresh", cwd=place, durable=True, writing=mark)
    done = git.process("read-tree", "-m", "-u", before, after, cwd=place, durable=True, writing=mark)
    if done.returncode:
        raise failure(("read-tree",), done.stderr)


def _edited(git: Git, place: Path, expected: str, new: str) -> list[str]:
    """Files with uncommitted edits that the new commit has otherwise, unless they are as it has them already."""
    after = {change.path: change.after for change in changed_paths(git, expected, new)}
    if not after:
        return []
    told = git.run("status", "--porcelain", "-z", "--no-renames", "--untracked-files=no", cwd=place).split(b"\0")
    edited = [path for path in (os.fsdecode(line[3:]) for line in told if line) if path in after]
    return [path for path in edited if not _is_same(git, place / path, after[path])]


def checked_out_at(git: Git, ref: str) -> list[Path]:
    """The work trees in which a branch is checked out."""
    places: list[Path] = []
    place = Path()
    for field in git.run("worktree", "list", "--porcelain", "-z").split(b"\0"):
        name, _, value = os.fsdecode(field).partition(" ")
        if name == "worktree":
            place = Path(value)
        elif name == "branch" and value == ref and place.is_dir():
            places.append(place)
    return places


def _follow(git: Git, place: Path, ref: str, *, expected: str | None, new: str) -> None:
    hidden = _in_the_way(git, place, expected, new)
    if hidden:
        raise _refused(hidden)
    command = ("-c", "merge.verifySignatures=false", "merge", "--ff-only", "--no-stat", "--no-autostash", "-q", new)
    note = json.dumps({"place": str(place), "ref": ref, "expected": expected, "new": new})
    with writing(git.dir, note=note) as mark:
        done = git.process(*command, cwd=place, durable=True, writing=mark)
        if done.returncode and _settle(git, place, _listed(done.stderr), new):
            done = git.process(*command, cwd=place, durable=True, writing=mark)
    if done.returncode:
        now = git.rev(ref)
        if now not in (expected, new):
            raise moved(ref, expected, now)
        lost = _listed(done.stderr)
        raise _refused(lost) if lost else failure(("merge",), done.stderr)
    sync_directories(git.dir, ref)


def _in_the_way(git: Git, place: Path, expected: str | None, new: str) -> list[str]:
    """Files that git does not track (also those it is told to ignore) where the new commit brings other content."""
    added = {change.path: change.after for change in changed_paths(git, expected, new) if not change.before}
    present = [path for path in added if os.path.lexists(place / path)]
    if not present:
        return []
    tracked = {os.fsdecode(path) for path in git.run("ls-files", "-z", "--", *present, cwd=place).split(b"\0")}
    return [path for path in present if path not in tracked and not _is_same(git, place / path, added[path])]


def _settle(git: Git, place: Path, paths: list[str], new: str) -> bool:
    """Stage files that already are what the new commit says, as an interrupted advance leaves them; True if all are."""
    entries = [(path, git.entry(new, path)) for path in paths]
    if not paths or not all(entry is not None and _is_same(git, place / path, entry.oid) for path, entry in entries):
        return False
    git.run("update-index", "--add", "-z", "--stdin", input=b"\0".join(map(os.fsencode, paths)) + b"\0", cwd=place)
    return True


def _is_same(git: Git, file: Path, oid: str) -> bool:
    if file.is_symlink() or not file.is_file():
        return False
    return blob_id(file.read_bytes(), hash_size=git.hash_size) == oid


def _listed(stderr: bytes) -> list[str]:
    """The files that git names, one per line behind a tab."""
    return [os.fsdecode(line[1:]) for line in stderr.splitlines() if line.startswith(b"\t")]


def _refused(paths: list[str]) -> RefusedError:
    shown = ", ".join(paths[:5]) + (f" and {len(paths) - 5} more" if len(paths) > 5 else "")
    return RefusedError(f"Uncommitted edits would be lost: {shown}.", "Commit or stash them, then repeat.")
