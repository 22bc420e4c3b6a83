"""Where what a review speaks of is shown: addresses of files at a commit, made of the repository's own."""

from __future__ import annotations

from aios.proposals.neutral import address
from aios.proposals.reviewed import Review

LONGEST = 300  # characters of a path that is linked: quoted, each may be twelve


def at_head(review: Review, place: str) -> str:
    """The address of `path` or `path#L3` as the proposal has it; empty where nothing is shown anywhere."""
    if not review.web or not place or len(place) > LONGEST:
        return ""
    path, mark, lines = place.partition("#L")
    # Prose is shown set in type, without lines, unless it is asked for plainly.
    return address(review.web, "blob", review.head, path) + (f"?plain=1#L{lines}" if mark else "")


def at_source(review: Review, source: str) -> str:
    return at_head(review, review.places.get(source, ""))


def branch_page(review: Review) -> str:
    return address(review.web, "tree", review.branch) if review.web else ""


def trace_page(review: Review, path: str) -> str:
    """The address of a file of `aios/traces`; its files never change, so the branch does instead of a commit."""
    return address(review.web, "blob", "aios/traces", path) if review.web else ""
