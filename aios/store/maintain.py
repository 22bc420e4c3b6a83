"""Keeps the object store small and fast after runs: few packs, no leftovers of killed writers."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from aios.store.commits import IMPORTS
from aios.store.git import Git
from aios.store.writing import clock_of, drop_keeps, sweep, writers_lock

PACKS = 20
_STALE = 24 * 3600.0  # seconds after which nobody still writes a temporary file


def maintain(git: Git, *, packs: int = PACKS) -> bool:
    """Clear leftovers and, with more than `packs` packs, roll them up; True if something was rolled up.

    Does nothing while another process writes commits. Costs a directory listing where there is nothing to do.
    """
    with _alone(git) as alone:
        if not alone:
            return False
        _clear(git)
        if len(list((git.dir / "objects" / "pack").glob("*.pack"))) <= packs:
            return False
        git.run("repack", "-d", "-q", "--geometric=2", "--write-midx", durable=True)
    return True


def reclaim(git: Git, ref: str) -> bool:
    """Give back the disk space of what a ref no longer reaches; False where another process writes commits.

    What was written in the last hours stays: a reader may hold it.
    """
    with _alone(git) as alone:
        if alone:
            git.run("reflog", "expire", "--expire=now", ref)
            git.run("gc", "--quiet", "--prune=2.hours.ago", durable=True)
    return alone


def _clear(git: Git) -> None:
    sweep(git.dir)
    leftovers = [f"delete {ref} {oid}" for ref, oid in git.refs(IMPORTS).items()]
    if leftovers:  # a writer was killed before it could move its branch
        git.run("update-ref", "--stdin", input="\n".join([*leftovers, ""]).encode(), durable=True)
    directory = git.dir / "objects" / "pack"
    drop_keeps(git.dir)
    for place in {git.dir, git.worktree_dir}:
        for crash in place.glob("fast_import_crash_*"):
            crash.unlink(missing_ok=True)
    now = clock_of(git.dir)
    for leftover in directory.glob("tmp_*"):
        with suppress(FileNotFoundError):
            if now - leftover.stat().st_mtime > _STALE:
                leftover.unlink()


@contextmanager
def _alone(git: Git) -> Iterator[bool]:
    descriptor = writers_lock(git.dir)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True
    finally:
        os.close(descriptor)
