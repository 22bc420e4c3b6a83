"""A site of posts as a connector."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from aios.connectors.cms import preview, undoing
from aios.connectors.posts.acts import Acts
from aios.connectors.posts.post import Post
from aios.domain.effect import Capability, Collected, Effect, Lookup, Outcome, Preview, Receipt
from aios.domain.event import one_line
from aios.domain.finding import Finding
from aios.errors import AiosError, RefusedError

_SKEW = timedelta(minutes=10)  # between our clock and the site's


@dataclass(frozen=True, slots=True)
class PostSite:
    """One site. `offers` are its capabilities, `clock` tells the moment."""

    name: str
    acts: Acts
    offers: Mapping[str, Capability]
    clock: Callable[[], datetime]

    def capabilities(self) -> Mapping[str, Capability]:
        return self.offers

    def target(self, capability: str, payload: Mapping[str, Any]) -> str:
        del capability
        return self.acts.posts.address(str(payload["slug"]))

    def preview(self, effect: Effect) -> Preview:
        return preview(effect, gone="makes it a draft again: readers find nothing there")

    def undo(self, effect: Effect, receipt: Receipt) -> Effect | None:
        return undoing(effect, receipt, self.offers, self.target)

    def lookup(self, effect: Effect) -> Lookup:
        return Lookup(self.acts.lookup(effect), authoritative=True)

    def act(self, effect: Effect) -> Outcome:
        if effect.capability not in self.offers or not self.offers[effect.capability].writes:
            raise RefusedError(f"{self.name} does not offer {effect.capability}", f"it offers {', '.join(self.offers)}")
        if "date" in effect.payload and moment(str(effect.payload["date"])) > self.clock() + _SKEW:
            raise RefusedError(
                f"{self.name}: {effect.payload['slug']} is dated {effect.payload['date']}, which lies ahead",
                "date it today, or publish it then",
            )
        return self.acts.perform(effect)

    def read(self, capability: str, params: Mapping[str, Any]) -> Collected:
        if capability != "cms.list":
            raise RefusedError(
                f"{self.name} offers nothing to read as {capability}", f"it offers {', '.join(self.offers)}"
            )
        found = [_told(post) for post in self.acts.posts.listed(int(params.get("limit", 1_000)))]
        return Collected({"articles": found})

    def check(self) -> Sequence[Finding]:
        try:
            return self.acts.posts.check()
        except AiosError as error:
            place = f"state/connectors/{self.name}.yaml"
            return [Finding(place, 0, 0, "connector-unreachable", error.message, error.hint)]


def moment(value: str) -> datetime:
    """A date or moment of a payload, in UTC."""
    found = datetime.fromisoformat(value)
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)


def _told(post: Post) -> dict[str, Any]:
    marker = post.marker if post.marker and post.marker.post in {"", post.id} else None
    now = post.text.hash
    return {
        "id": post.id,
        "record": marker.record if marker else None,
        "slug": post.text.slug,
        "title": one_line(post.title, 300),
        "status": post.status.value,
        "url": post.url,
        "modified": post.modified,
        "hash": now,
        "edited": marker is not None and (now != marker.left or post.status is not marker.status),
    }
