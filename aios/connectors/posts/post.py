"""A post as a system keeps it, and what such a system must be able to do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Protocol

from aios.domain.finding import Finding
from aios.domain.keys import canonical_json

if TYPE_CHECKING:
    from aios.connectors.posts.marker import Marker


class Status(StrEnum):
    LIVE = "published"
    DRAFT = "draft"
    TRASH = "trash"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Text:
    """What is ours to write, as the system keeps it: `html` without our mark, `tags` by the system's names for them.

    `kept` is what the system itself forgets and the mark remembers for it.
    """

    title: str
    html: str
    excerpt: str
    slug: str
    tags: tuple[str, ...] = ()
    kept: tuple[tuple[str, str], ...] = ()

    @property
    def hash(self) -> str:
        """16 hexadecimal digits that differ whenever anything does that a person could have edited."""
        told = canonical_json([self.title, self.html, self.excerpt, self.slug, sorted(self.tags)])
        return sha256(told.encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Post:
    """`url` is where readers find it, or would; `pattern` is that with `%postname%` in it, where the site tells; `edit`
    where its owner edits it. `modified` is ISO 8601, UTC, `title` in plain words. `raw` and `version` are for the
    system's own use."""

    id: str
    text: Text
    status: Status
    url: str
    edit: str
    modified: str
    title: str
    marker: Marker | None = None
    kind: str = "post"
    pattern: str = ""
    raw: str = ""
    version: str = ""

    @property
    def order(self) -> tuple[int, str]:
        """Older posts come first: ids grow."""
        return len(self.id), self.id


class Posts(Protocol):
    """One site. Errors are those of `Service.ask`."""

    @property
    def name(self) -> str: ...

    def address(self, slug: str) -> str:
        """Where readers are to find a post. Pure. `%…%` stands for what only the site knows."""
        ...

    def text(self, payload: Mapping[str, Any], images: Mapping[str, str]) -> Text:
        """What the site is to keep of an article; `images` are addresses by source. May create tags."""
        ...

    def of(self, record: str) -> Sequence[Post]:
        """Every post that carries the mark of a record, in the trash or not."""
        ...

    def at(self, slug: str) -> Post | None:
        """Who has an address, whoever made it."""
        ...

    def create(self, text: Text, marker: Marker, payload: Mapping[str, Any]) -> Post:
        """A draft."""
        ...

    def write(self, post: Post, text: Text, marker: Marker | None, status: Status) -> Post:
        """Replace text, mark and status in one request. Raises RefusedError where the system saw a later edit."""
        ...

    def trash(self, post: Post) -> None:
        """Where its owner can take it out again, if the system has such a place."""
        ...

    def discard(self, post: Post) -> None:
        """For good: a draft of our own that nobody ever saw."""
        ...

    def earlier(self, post: Post, act: str) -> tuple[Text, Status] | None:
        """What an act left, from the system's revisions; None where it has forgotten."""
        ...

    def edited(self, post: Post) -> str:
        """Who edited it last, and when, as far as the system tells."""
        ...

    def upload(self, item: Mapping[str, Any], content: bytes) -> str:
        """The address of a picture: of the one that is there already where the same was uploaded before."""
        ...

    def listed(self, limit: int) -> Iterator[Post]:
        """The newest posts, whoever made them."""
        ...

    def check(self) -> Sequence[Finding]: ...
