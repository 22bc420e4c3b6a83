"""What approvers say on a proposal: comments and reviews with commands, oldest first, and who said them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from aios.domain.forge import Comment, Forge, Proposal, may_approve
from aios.domain.keys import key_of
from aios.runs.commands import Command, commands
from aios.runs.context import Context


@dataclass(frozen=True, slots=True)
class Edit:
    """Who made or changed a comment, and what it said then and before, as the forge's own event tells it."""

    comment: int
    by: str
    body: str
    before: str = ""


@dataclass(frozen=True, slots=True)
class Utterance:
    """One comment or review with commands. `edited` tells that its words are not the first ones, `sure` that the one
    who is named wrote them all the same."""

    id: str
    author: str
    at: str
    url: str
    orders: tuple[Command, ...]
    edited: bool = False
    sure: bool = True


@dataclass(slots=True)
class Talk:
    """One proposal's conversation while it is heard."""

    context: Context
    forge: Forge
    proposal: Proposal
    run: str
    approvers: frozenset[str]
    comments: list[Comment]
    edit: Edit | None
    acted: list[str] = field(default_factory=list)

    def may(self, login: str) -> bool:
        return not login.casefold().endswith("[bot]") and may_approve(self.approvers, login=login)


def edit_of(event: Mapping[str, Any]) -> tuple[int, Edit | None]:
    """The proposal's number (0: none) and the edit that a GitHub event tells of."""

    def inside(*names: str) -> Any:
        found: Any = event
        for name in names:
            found = found.get(name) if isinstance(found, Mapping) else None
        return found

    number = inside("pull_request", "number") or 0
    if inside("issue", "pull_request") is not None:  # else it is an issue, and none of ours
        number = inside("issue", "number")
    comment, by = inside("comment", "id"), inside("sender", "login")
    known = isinstance(comment, int) and isinstance(by, str) and inside("sender", "type") == "User"
    if not known or inside("action") not in {"created", "edited"}:
        return (number if isinstance(number, int) else 0), None
    before = inside("changes", "body", "from")
    body = inside("comment", "body")
    told = Edit(comment, by, body if isinstance(body, str) else "", before if isinstance(before, str) else "")
    return (number if isinstance(number, int) else 0), told


def utterances(talk: Talk) -> list[Utterance]:
    """What approvers said to us, oldest first."""
    found = [_spoken(talk, each) for each in talk.comments if not each.by_us and talk.may(each.author)]
    for number, each in enumerate(talk.forge.reviews(talk.proposal.number)):
        if not talk.may(each.author) or not each.body.strip():
            continue
        orders = tuple(commands(each.body))
        if each.verdict == "changes_requested" and not orders:
            orders = (Command("revise", each.body.strip()),)
        name = key_of("review", each.author, each.at, each.head, number)
        found.append(Utterance(name, each.author, each.at, talk.proposal.url, orders))
    return sorted((each for each in found if each.orders), key=lambda each: each.at)


def _spoken(talk: Talk, comment: Comment) -> Utterance:
    edit = talk.edit if talk.edit and talk.edit.comment == comment.id else None
    sure = not comment.edited or (edit is not None and edit.by.casefold() == comment.author.casefold())
    body = edit.body if edit and sure and edit.body else comment.body
    name, orders = f"comment:{comment.id}", tuple(commands(body))
    return Utterance(name, comment.author, comment.at, comment.url, orders, bool(comment.edited), sure)


def keys_in(talk: Talk, each: Utterance) -> list[str]:
    return [key_of("said", talk.run, each.id, place) for place in range(len(each.orders))]


def digest_of(order: Command) -> str:
    return key_of(order.name, order.text).removeprefix("sha256:")[:12]
