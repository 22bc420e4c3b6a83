"""The order of the log, from the commit graph alone: no clocks, the same on every machine.

Along the first-parent chain, oldest first; what a merge brought in comes just before it, in the same manner. When a
commit is told, everything it contains has been told. So a read that begins at a commit of the chain is exactly the tail
of a read from the beginning.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256

from aios.store.git import Git

Parents = Mapping[str, Sequence[str]]


def parents_of(git: Git, tip: str, since: str | None = None, *, newer: str = "") -> dict[str, tuple[str, ...]]:
    """Commits that `tip` contains and `since` does not, with their parents as the repository knows them.

    `newer` is a moment (ISO 8601): commits from before it are left out.
    """
    bounds = [*([f"^{since}"] if since else []), *([f"--since={newer}"] if newer else [])]
    listed = git.run("rev-list", "--parents", *bounds, tip, "--").decode("ascii")
    return {words[0]: tuple(words[1:]) for words in map(str.split, listed.splitlines())}


def beginning(git: Git) -> str:
    """What tells where a shallow clone's history begins; empty for a whole one. More may be fetched at any time."""
    try:
        cut = (git.dir / "shallow").read_bytes()
    except FileNotFoundError:
        return ""
    return sha256(b"\n".join(sorted(cut.split()))).hexdigest() if cut else ""


def order(parents: Parents, tip: str) -> Iterator[tuple[str, bool]]:
    """The commits of `parents` in log order, each with whether it is on the first-parent chain of `tip`."""
    told: set[str] = set()
    # A stack of chains instead of recursion: histories are deeper than Python's stack.
    work = [(_chain(parents, tip, told), True)]
    while work:
        chain, mainline = work[-1]
        if not chain:
            work.pop()
            continue
        commit = chain[-1]
        side = next((each for each in parents[commit][1:] if each in parents and each not in told), None)
        if side is None:
            chain.pop()
            told.add(commit)
            yield commit, mainline
        else:
            work.append((_chain(parents, side, told), False))


def mainline(git: Git, tip: str, *, limit: int = 0) -> list[str]:
    """The first-parent chain of `tip`, newest first; the `limit` newest where one is given."""
    some = (f"--max-count={limit}",) if limit else ()
    return git.text("rev-list", "--first-parent", *some, tip, "--").split()


def follows(parents: Parents, since: str, tip: str) -> bool:
    """Is `since` on the first-parent chain of `tip`? `parents` is that of `since..tip`."""
    at = tip
    while at in parents:
        if not parents[at]:
            return False
        at = parents[at][0]
    return at == since


def _chain(parents: Parents, start: str, told: set[str]) -> list[str]:
    """The first-parent chain from `start` down to what was told or is not listed, newest first."""
    found: list[str] = []
    at: str | None = start
    while at is not None and at in parents and at not in told:
        found.append(at)
        at = parents[at][0] if parents[at] else None
    return found
