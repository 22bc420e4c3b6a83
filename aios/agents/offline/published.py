"""What published pieces quote already: the next piece says something else first, and links to them for the rest.

Their footnotes tell the places; a piece that quotes the same passages again reads like a copy.
"""

from __future__ import annotations

from collections.abc import Iterable

from aios.agents.evidence import CITATION
from aios.agents.offline.material import SOURCES, Unit
from aios.agents.offline.text.passages import Passage
from aios.domain.record import Record

AGAIN = 0.35  # what a unit is worth that was quoted whole before

Places = dict[str, list[tuple[int, int]]]  # by path of the source


def quoted(pieces: Iterable[Record], *, but: str) -> Places:
    """The places that published pieces quote, without those of the piece `but` (which is being renewed)."""
    found: Places = {}
    for piece in pieces:
        if piece.id == but or piece.get("status") != "published":
            continue
        for line in (piece.body or "").splitlines():
            cited = CITATION.search(line) if line.startswith("[^") else None
            if cited:
                path = f"state/{cited['source']}.md"
                if path.startswith(SOURCES):
                    found.setdefault(path, []).append((int(cited["start"]), int(cited["end"])))
    return found


def is_quoted(path: str, passage: Passage, places: Places) -> bool:
    """Does a published piece quote this passage of the source?"""
    return any(start <= passage.start and passage.end <= end for start, end in places.get(path, ()))


def freshness(unit: Unit, places: Places) -> float:
    """1 for a unit that nobody quoted, down to `AGAIN` for one whose every word was published before."""
    taken = places.get(unit.source.path)
    if not taken or not unit.words:
        return 1.0
    said = sum(passage.words for passage in unit.passages if is_quoted(unit.source.path, passage, places))
    return 1.0 - (1.0 - AGAIN) * said / unit.words
