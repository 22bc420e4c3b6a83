"""What waits, in the order of the inbox; and each open proposal as it is reviewed."""

from __future__ import annotations

import re
from collections.abc import Iterator

from aios.dashboard.page import Page, proposal_page
from aios.dashboard.source import Source, standing

_SUMMARY = re.compile(r"^<details><summary>(.*)</summary>$", re.MULTILINE)
_FOLD = re.compile(r"^</details>$", re.MULTILINE)
_HIDDEN = re.compile(r"^<!-- .* -->$", re.MULTILINE)


def pages(source: Source) -> Iterator[Page]:
    needs = [item for item in source.waiting if item.needs_you]
    others = [item for item in source.waiting if not item.needs_you]
    data = {"standing": standing(source), "needs": needs, "others": others}
    yield Page("waiting.html", "waiting", "Waiting", "waiting.html", data)
    waits = {item.run: item for item in source.waiting if item.run}
    for run, text in source.reviews.items():
        told = {"item": waits[run], "text": _plainly(text.partition("\n")[2])}
        yield Page(proposal_page(run), "waiting", waits[run].title, "proposal.html", told)


def _plainly(review: str) -> str:
    """A review without what only git hosts make something of: folds become headings, hidden marks go."""
    text = _SUMMARY.sub(r"## \1", _HIDDEN.sub("", review))
    return _FOLD.sub("", text)
