"""Edits that the operator made on a proposal's branch are kept when an agent writes the same file again."""

from __future__ import annotations

from collections.abc import Mapping

from aios.runs.context import AIOS_EMAIL
from aios.runs.view import Place
from aios.store.merge import merge_documents
from aios.store.written import written


def keep_operator_edits(place: Place, files: Mapping[str, str | None]) -> tuple[dict[str, bytes | None], list[str]]:
    """The files as they should be written, and the paths where an edit of the operator's was merged in.

    Three-way: base is what aios last wrote on this branch, ours the operator's version, theirs the agent's new one.
    Where both changed the same field, the operator's stays.
    """
    changes: dict[str, bytes | None] = {path: None if text is None else text.encode() for path, text in files.items()}
    kept: list[str] = []
    edited = _edited_by_hand(place) if files else set()
    for path in sorted(edited & set(files)):
        base, ours = place.git.read_blob(f"{_written_by_us(place, path)}:{path}"), place.tree.read(path)
        theirs = changes[path]
        if base is None or ours is None or theirs is None:
            continue
        changes[path] = merge_documents(path, base, ours, theirs).content
        kept.append(path)
    return changes, kept


def _edited_by_hand(place: Place) -> set[str]:
    """Paths that somebody else than aios changed on the branch."""
    if not place.state.base or place.head is None:
        return set()
    commits = written(place.git, place.state.base, place.head)
    return {path for each in commits if each.author != AIOS_EMAIL for path in each.paths}


def _written_by_us(place: Place, path: str) -> str:
    """The newest commit of ours on the branch that wrote the path."""
    since = f"{place.state.base}..{place.head}"
    found = place.git.text("log", "-1", f"--author=<{AIOS_EMAIL}>", "--format=%H", since, "--", path)
    return found.strip() or place.state.base
