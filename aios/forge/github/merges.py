"""How a pull request came into its base: told by GitHub's record and the commits themselves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aios.domain.forge import Merge, State
from aios.forge.github import shapes
from aios.forge.github.repository import Repository


def merge_of(at: Repository, pull: Mapping[str, Any]) -> Merge | None:
    if shapes.state(pull) is not State.MERGED:
        return None
    head = shapes.text(pull, "head", "sha")
    commit, by, when = shapes.text(pull, "merge_commit_sha"), shapes.login(pull, "merged_by"), ""
    if not commit or by == shapes.GHOST:  # newer versions of the API leave the commit to the record of events
        commit, by, when = _by_events(at, pull, commit, by)
    return Merge(commit, by, shapes.text(pull, "merged_at") or when, head, _method(at, commit, head))


def _by_events(at: Repository, pull: Mapping[str, Any], commit: str, by: str) -> tuple[str, str, str]:
    number = str(shapes.number(pull, "number"))
    when = ""
    for each in at.client.pages(at.path("issues", number, "events"), f"list events of #{number}"):
        if shapes.text(each, "event") == "merged":
            commit = commit or shapes.text(each, "commit_id")
            by = shapes.login(each, "actor") if by == shapes.GHOST else by
            when = shapes.text(each, "created_at")
    return commit, by, when


def _method(at: Repository, commit: str, head: str) -> str:
    """A merge has two parents; a rebase keeps author, date and message of the last commit, a squash writes its own."""
    if not commit or commit == head:
        return "push"
    made = _commit(at, commit)
    parents = made.get("parents")
    if isinstance(parents, list) and len(parents) > 1:
        return "merge"
    last = _commit(at, head)
    same = all(_told(made, *names) == _told(last, *names) for names in (("message",), ("author", "date")))
    return "rebase" if same else "squash"


def _told(commit: Mapping[str, Any], *names: str) -> str:
    return shapes.text(commit, "commit", *names).strip()


def _commit(at: Repository, commit: str) -> Mapping[str, Any]:
    return at.client.look(at.path("commits", commit), f"show the commit {commit[:10]}", params={"per_page": 1})
