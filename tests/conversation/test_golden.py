"""The whole body of a real proposal, as it was looked at."""

from __future__ import annotations

from pathlib import Path

from tests.conversation.golden import GOLDEN, made
from tests.proposals.test_review import headings


def test_the_example_companys_proposal_is_shown_as_it_was_looked_at(tmp_path: Path) -> None:
    """Where it should differ, look at the difference, then `python -m tests.conversation.golden`."""
    root = tmp_path / "company"
    root.mkdir()
    body = made(root)
    assert body.splitlines() == GOLDEN.read_text().splitlines()
    assert headings(body) == [
        "Effects",
        "Exact preview",
        "Why",
        "Evidence",
        "State diff",
        "Checks",
        "Risk and confidence",
        "Cost",
        "How to correct it",
    ]
