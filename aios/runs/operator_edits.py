"""Edits that the operator made on a proposal's branch are kept when an agent writes the same file again."""

from __future__ import annotations

from collections.abc import Mapping

from aios.domain.names import branch_of
from aios.runs.context import AIOS_EMAIL
from aios.runs.session import Session
from aios.store.git import Git
from aios.store.merge import merge_documents


def keep_operator_edits(
    git: Git, session: Session, files: Mapping[str, str | None]
) -> tuple[dict[str, bytes | None], list[str]]:
    """The files as they should be written, and the paths where an edit of the operator's was merged in.

    Three-way: base is what aios last wrote on this branch, ours the operator's version, theirs the agent's new one.
    Where both changed the same field, the operator's stays.
    """
    changes: dict[str, bytes | None] = {path: None if text is None else text.encode() for path, text in files.items()}
    kept: list[str] = []
    edited = _edited_by_hand(git, session)
    for path in sorted(edited & set(files)):
        base, ours = git.read_blob(f"{edited_base(git, session, path)}:{path}"), session.tree.read(path)
        theirs = changes[path]
        if base is None or ours is None or theirs is None:
            continue
        changes[path] = merge_documents(path, base, ours, theirs).content
        kept.append(path)
    return changes, kept


def _edited_by_hand(git: Git, session: Session) -> set[str]:
    """Paths that somebody else than aios changed on the branch."""
    branch = branch_of(session.run)
    if not session.state.base or git.rev(branch) is None:
        return set()
    text = git.text(
        "log", "--no-merges", "--format=%x01%ae", "--name-only", "-z", f"{session.state.base}..{branch}", "--"
    )
    edited: set[str] = set()
    for block in text.split("\x01")[1:]:
        author, _, names = block.partition("\x00")
        if author.strip() != AIOS_EMAIL:
            edited |= {name.strip("\n") for name in names.split("\x00") if name.strip("\n")}
    return edited


def edited_base(git: Git, session: Session, path: str) -> str:
    """The newest commit of ours on the branch that wrote the path."""
    found = git.text(
        "log",
        "-1",
        f"--author=<{AIOS_EMAIL}>",
        "--format=%H",
        f"{session.state.base}..{branch_of(session.run)}",
        "--",
        path,
    )
    return found.strip() or session.state.base
