"""The review text of a proposal, as Markdown: the same words in the terminal, in a file and on a git host.

Decisions and controls first, long lists last and cut with a link. Text from outside is fenced or neutralised: nothing
in it can mention a person, close an issue, forge a heading or hide a line.
"""

from __future__ import annotations

from aios.proposals.neutral import fenced, neutral
from aios.proposals.reviewed import PREVIEW_LINES, Review, Size, fingerprint
from aios.proposals.sections import sections

__all__ = ["PREVIEW_LINES", "Review", "fenced", "fingerprint", "length", "neutral", "render"]

# From generous to what fits in any case.
_SIZES = (
    Size(600, 40, 80, 2_000, 30_000),
    Size(PREVIEW_LINES, 40, 60, 1_000, 12_000),
    Size(40, 30, 40, 1_000, 6_000),
    Size(20, 20, 20, 400, 2_000),
    Size(10, 10, 5, 240, 800),
    Size(4, 4, 0, 120, 300),
)


def render(review: Review, *, preview_lines: int = PREVIEW_LINES, limit: int = 0, heading: bool = True) -> str:
    """The whole body, top to bottom as a person decides: what, effects, preview, why, evidence, changes, cost.

    `limit` is how long a git host takes it; what does not fit is left out of lists and previews, and said.
    """
    mark = f"<!-- aios:{review.run} {fingerprint(review)} -->"
    for size in _SIZES if limit else (Size(preview_lines),):
        text = "\n\n".join([*sections(review, size, heading=heading), mark]) + "\n"
        if not limit or length(text) <= limit:
            break
    return text


def length(text: str) -> int:
    """Characters as the strictest of those who count them does: in UTF-16."""
    return len(text.encode("utf-16-le")) // 2
