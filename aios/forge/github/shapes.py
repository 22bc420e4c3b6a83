"""GitHub's objects as ours. All of it is data from outside: what is missing or of another kind becomes empty."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aios.domain.forge import Comment, JobRun, Proposal, Push, Review, State
from aios.forge.github import bodies

GHOST = "ghost"  # whose account is gone


def text(data: Any, *names: str) -> str:
    """What stands at the end of a path of names, as text; empty where it is none."""
    for name in names:
        data = data.get(name) if isinstance(data, Mapping) else None
    return data if isinstance(data, str) else ""


def number(data: Any, name: str) -> int:
    found = data.get(name) if isinstance(data, Mapping) else None
    return found if isinstance(found, int) and not isinstance(found, bool) else 0


def flag(data: Any, name: str) -> bool | None:
    found = data.get(name) if isinstance(data, Mapping) else None
    return found if isinstance(found, bool) else None


def login(data: Any, name: str = "user") -> str:
    return text(data, name, "login") or GHOST


def proposal(data: Mapping[str, Any]) -> Proposal:
    labels = data.get("labels")
    title = text(data, "title")
    return Proposal(
        number=number(data, "number"),
        branch=text(data, "head", "ref"),
        base=text(data, "base", "ref"),
        head=text(data, "head", "sha"),
        title=title,
        body=bodies.read(text(data, "body"), title).whole,
        state=state(data),
        url=text(data, "html_url"),
        author=login(data),
        labels=tuple(text(each, "name") for each in labels) if isinstance(labels, list) else (),
        mergeable=flag(data, "mergeable"),
        updated=text(data, "updated_at"),
    )


def state(data: Mapping[str, Any]) -> State:
    if text(data, "merged_at") or data.get("merged") is True:
        return State.MERGED
    return State.OPEN if text(data, "state") == "open" else State.CLOSED


def from_here(data: Mapping[str, Any]) -> bool:
    """Is its branch one of the very repository? What a stranger proposes from a copy is none of ours."""
    here, there = text(data, "base", "repo", "full_name"), text(data, "head", "repo", "full_name")
    return bool(here) and here.casefold() == there.casefold()


def comment(data: Mapping[str, Any], viewer: str) -> Comment:
    made, changed = text(data, "created_at"), text(data, "updated_at")
    author = login(data)
    return Comment(
        id=number(data, "id"),
        author=author,
        body=bodies.unified(text(data, "body")),
        at=made,
        edited=changed if changed != made else "",
        url=text(data, "html_url"),
        by_us=author.casefold() == viewer.casefold(),
    )


def review(data: Mapping[str, Any]) -> Review:
    return Review(
        author=login(data),
        verdict=text(data, "state").lower(),
        head=text(data, "commit_id"),
        at=text(data, "submitted_at"),
        body=bodies.unified(text(data, "body")),
    )


def push(data: Mapping[str, Any]) -> Push:
    return Push(
        ref=text(data, "ref"),
        before=text(data, "before"),
        after=text(data, "after"),
        kind=text(data, "activity_type"),
        by=text(data, "actor", "login"),
        at=text(data, "timestamp"),
    )


def job_run(data: Mapping[str, Any]) -> JobRun:
    return JobRun(
        id=number(data, "id"),
        event=text(data, "event"),
        status=text(data, "status"),
        conclusion=text(data, "conclusion"),
        at=text(data, "created_at"),
        url=text(data, "html_url"),
        actor=text(data, "actor", "login"),
        head=text(data, "head_sha"),
    )
