"""What happens on the day, whoever carries it out."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Protocol

from tests.actions.company import NEXT, PUBLISH, REFRESH

PIECE = f"state/content/{PUBLISH}.md"
REASON = "Not while the experiment runs: never quote a trial length that is still being tested."
EDIT = ("rises as they accept a rent index", "rises as they take a rent index")


class Place(Protocol):
    """Where a company works: on GitHub, or on one machine."""

    at: datetime

    def tick(self) -> None: ...

    def text(self, ref: str, path: str) -> str: ...

    def branch(self, subject: str) -> str: ...

    def edit(self, subject: str, path: str, old: str, new: str) -> None: ...

    def merge(self, subject: str) -> None: ...

    def reject(self, subject: str, reason: str) -> None: ...


def moment(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 8, day, hour, minute, tzinfo=UTC)


def morning(place: Place) -> None:
    """The schedule fires: a piece is proposed, and what readers did comes to main by itself."""
    place.at = moment(3, 3, 41)
    place.tick()


def publish(place: Place) -> None:
    """The operator puts a word of their own into the piece and merges it; it is published."""
    place.at = moment(3, 8)
    place.edit(PUBLISH, PIECE, *EDIT)
    place.at = moment(3, 8, 5)
    place.merge(PUBLISH)


def fading(place: Place) -> None:
    """The next day's numbers make the monitor propose a refresh, which the operator rejects."""
    place.at = moment(4, 3, 41)
    place.tick()
    place.at = moment(4, 8)
    place.reject(REFRESH, REASON)


def learned(place: Place) -> None:
    """The next piece comes with what the rejection teaches. It is merged as it is, and published."""
    place.at = moment(6, 3, 41)
    place.tick()
    place.at = moment(6, 8)
    place.merge(NEXT)


def measured(place: Place) -> None:
    """A week after it was published, the first piece is measured, beside what is measured every day."""
    place.at = moment(10, 3, 41)
    place.tick()
    place.at = moment(10, 8, 10)
    place.tick()


PARTS = (morning, publish, fading, learned, measured)
