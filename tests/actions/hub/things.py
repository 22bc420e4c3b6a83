"""What the hub holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tests.actions.hub.tokens import Person


@dataclass(slots=True)
class Event:
    """Something that may start workflows; `sha` and `ref` are what they run on."""

    name: str
    payload: dict[str, Any]
    ref: str
    sha: str
    actor: str


@dataclass(slots=True)
class Comment:
    id: int
    author: Person
    body: str
    at: datetime
    edited: datetime
    app: bool = False


@dataclass(slots=True)
class Review:
    id: int
    author: Person
    state: str
    body: str
    commit: str
    at: datetime


@dataclass(slots=True)
class Status:
    id: int
    context: str
    state: str
    description: str
    url: str
    at: datetime
    author: Person


@dataclass(frozen=True, slots=True)
class Move:
    """Who moved a ref: what the page “Activity” of a repository tells."""

    id: int
    ref: str
    before: str
    after: str
    kind: str
    at: datetime
    by: Person


@dataclass(slots=True)
class Pull:
    number: int
    title: str
    body: str
    branch: str
    base: str
    head: str
    author: Person
    at: datetime
    base_sha: str = ""
    updated: datetime | None = None
    state: str = "open"
    closed: datetime | None = None
    closed_by: Person | None = None
    merged: datetime | None = None
    merged_by: Person | None = None
    merge_commit: str = ""
    labels: list[str] = field(default_factory=list)
    comments: list[Comment] = field(default_factory=list)
    reviews: list[Review] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class App:
    """A GitHub App of the operator's, installed on the repository."""

    person: Person
    client_id: str
    key: str
    permissions: Mapping[str, str]


def stamp(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")
