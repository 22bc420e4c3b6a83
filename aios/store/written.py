"""Which commits of a branch wrote which files, whatever the files are called."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from aios.store.git import Git


@dataclass(frozen=True, slots=True)
class Written:
    """A commit, its author's e-mail address, and the paths that it added, changed or deleted."""

    commit: str
    author: str
    paths: tuple[str, ...]


def written(git: Git, base: str, head: str) -> Iterator[Written]:
    """The commits of `head` that `base` does not have, newest first, merges left out."""
    text = git.text("log", "--no-merges", "-z", "--name-only", "--format=%x01%H%x00%ae", f"{base}..{head}", "--")
    for block in text.split("\x01")[1:]:
        commit, author, *names = block.split("\0")
        yield Written(commit, author, tuple(name for each in names if (name := each.removeprefix("\n"))))
