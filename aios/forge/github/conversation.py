"""Comments of a proposal: read to the last, and one of ours for each marker."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from aios.domain.forge import Comment
from aios.errors import TransientError
from aios.forge.github import bodies, shapes
from aios.forge.github.repository import Repository


def comments(at: Repository, number: int, since: str) -> list[Comment]:
    params = {"since": since} if since else None
    found = at.client.pages(at.path("issues", str(number), "comments"), f"list comments of #{number}", params=params)
    return [shapes.comment(each, at.viewer) for each in found]


def say(at: Repository, number: int, marker: str, text: str) -> Comment:
    """The one comment that carries the marker. What another of ours says with it, from a race, goes away."""
    body = _marked(marker, text)
    found = _ours(at, number, marker)
    if not found:
        return _made(at, number, marker, body)
    first, *more = found
    for each in more:
        what = f"delete a comment of #{number} that is there twice"
        at.client.ask("DELETE", at.path("issues", "comments", str(each.id)), what, repeatable=True)
    if first.body.strip() == body:
        return first
    path = at.path("issues", "comments", str(first.id))
    answer = at.client.ask("PATCH", path, f"change our comment of #{number}", json={"body": body}, repeatable=True)
    return _comment(at, answer.data)


def _made(at: Repository, number: int, marker: str, body: str) -> Comment:
    try:
        path = at.path("issues", str(number), "comments")
        answer = at.client.ask("POST", path, f"take a comment on #{number}", json={"body": body})
    except TransientError as problem:
        if problem.sent and (found := _ours(at, number, marker)):
            return found[0]
        raise
    return _comment(at, answer.data)


def _ours(at: Repository, number: int, marker: str) -> Sequence[Comment]:
    """By author too: anybody can write a marker."""
    sign = _sign(marker)
    return [each for each in comments(at, number, "") if each.by_us and sign in each.body]


def _comment(at: Repository, data: Any) -> Comment:
    return shapes.comment(data if isinstance(data, Mapping) else {}, at.viewer)


def _sign(marker: str) -> str:
    return f"<!-- aios:{marker} -->"


def _marked(marker: str, text: str) -> str:
    return bodies.cut(f"{bodies.unified(text).strip()}\n\n{_sign(marker)}", bodies.BOUND)
