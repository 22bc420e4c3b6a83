"""Folded notes: what stands for them now, and bringing one back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aios.domain.event import OPERATOR, EventNote
from aios.domain.keys import key_of
from aios.domain.names import MEMORY
from aios.domain.record import Where
from aios.errors import RefusedError, UsageError
from aios.memory.scope import SUMMARY
from aios.runs.context import Context
from aios.runs.main_branch import commit_to_main
from aios.runs.remembering import folds_of
from aios.store.documents import parse
from aios.store.edit import DELETE, edit
from aios.store.trees import CommitTree

RESTORED = "memory.restored"
KEPT = 0.9  # the importance of a note that the operator wanted back: it is not folded again


def summary_of(context: Context, path: str) -> str:
    """The summary that stands for a folded note on main; empty where none does."""
    return folds_of(CommitTree(context.git, context.main)).get(path, "")


def replacement_of(context: Context, path: str) -> str:
    """What a note that is there and no longer holds was replaced by, as it says; empty where it holds."""
    content = context.git.read_blob(f"{context.main}:{path}")
    document = parse(path, content)[0] if content is not None else None
    return str(document.data.get("replaced_by") or "") if document else ""


def last_text(context: Context, path: str) -> str:
    """A note's text as it last stood on main. Raises UsageError where there never was one."""
    git = context.git
    content = git.read_blob(f"{context.main}:{path}")
    if content is None:
        gone = git.text("log", "-1", "--diff-filter=D", "--format=%H", context.main, "--", path)
        content = git.read_blob(f"{gone}^1:{path}") if gone else None
    if content is None:
        raise UsageError(f"there never was a {path}", "`aios recall` finds notes by their words")
    return content.decode(errors="replace")


def restore(context: Context, path: str) -> str:
    """Bring a note back to main; the commit. One that was folded is kept whole from now on, one that was replaced (or
    taken back by a later lesson) holds again, beside the other.

    Raises UsageError for what is no note or never was one, RefusedError where it is there and holds.
    """
    if not path.startswith(MEMORY) or not path.endswith(".md"):
        raise UsageError(f"{path} is no note", "notes are Markdown files under memory/")
    there = context.git.read_blob(f"{context.main}:{path}")
    text = edit(last_text(context, path), {"importance": KEPT}) if there is None else _in_force(context, path, there)
    note = EventNote(
        type=RESTORED,
        title=path,
        records=(path.removesuffix(".md"),),
        actor=f"{OPERATOR}:{context.operator.email}",
        key=key_of("restored", path, context.now()),
    )

    def changes(tip: str) -> Mapping[str, bytes | None]:
        found: dict[str, bytes | None] = {path: text.encode()}
        summary = folds_of(CommitTree(context.git, tip)).get(path)
        if summary:
            found[summary] = _without(context.git.read_blob(f"{tip}:{summary}") or b"", summary, path)
        return found

    return commit_to_main(context, note, changes, as_operator=True)


def _in_force(context: Context, path: str, content: bytes) -> str:
    """The text of a replaced note without what took it out of force."""
    document = parse(path, content)[0]
    if document is None or not document.data.get("replaced_by"):
        raise RefusedError(f"{path} is there", f"`aios memory show {path}`")
    expired = str(document.data.get("expires") or "~") <= context.now()
    gone: dict[Where | str, Any] = dict.fromkeys(("replaced_by", "expires") if expired else ("replaced_by",), DELETE)
    return edit(content.decode(), gone)


def _without(content: bytes, summary: str, path: str) -> bytes | None:
    """The summary (or the twin that stayed), no longer standing for the note; None for a summary of nothing else."""
    document = parse(summary, content)[0]
    folds = [str(each) for each in (document.data.get("folds") or ()) if str(each) != path] if document else []
    if folds or document is None or document.data.get("kind") != SUMMARY:
        return edit(content.decode(), {"folds": folds or DELETE}).encode()
    return None
