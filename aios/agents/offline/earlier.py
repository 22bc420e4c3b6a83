"""Earlier pieces: which one this resembles, and whether one covers the topic already."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from aios.agents.offline.text.language import Language
from aios.agents.offline.text.similarity import containment, jaccard
from aios.agents.offline.text.words import stems
from aios.domain.record import Record

_DONE = ("edited", "published")
COVERS = 0.6
RESEMBLES = 0.3
SAME_SOURCES = 0.4  # for a piece that rests wholly on what the new one reads


@dataclass(frozen=True, slots=True)
class Earlier:
    """`likeness` 0..1; `covers`: its topic is this topic."""

    record: Record
    likeness: float
    covers: bool

    @property
    def headings(self) -> tuple[str, ...]:
        return headings_of(self.record)


def headings_of(record: Record) -> tuple[str, ...]:
    """The outline's headings, or those of the body where the record has no outline."""
    outline = record.get("outline") or ()
    found = [str(item.get("heading", "")) for item in outline if isinstance(item, dict)]
    if not found and record.body:
        found = [line[3:].strip() for line in record.body.splitlines() if line.startswith("## ")]
    return tuple(heading for heading in found if heading)


def most_alike(
    records: Sequence[Record], topic: str, phrases: Sequence[str], known: Language, *, sources: Sequence[str] = ()
) -> Earlier | None:
    """The finished piece nearest to the topic, None where none is near. `sources` are ids of what the new one reads."""
    about = set(stems(topic, known))
    wider = about | set(stems(" ".join(phrases), known))
    best: Earlier | None = None
    for record in records:
        if record.get("status") not in _DONE:
            continue
        title = set(stems(f"{record.get('topic') or ''} {record.get('title') or ''}", known))
        own = set(stems(str(record.get("topic") or record.get("title") or ""), known))
        rest = set(stems(" ".join((*headings_of(record), *map(str, record.get("tags") or ()))), known))
        covers = jaccard(about, own) >= COVERS
        shared = containment(about, title) if len(about & title) > 1 or len(about) == 1 else 0.5 * jaccard(about, title)
        near = 0.6 * shared + 0.4 * containment(wider, rest | title) * bool(about & title)
        if about & title:
            near += SAME_SOURCES * containment(set(map(str, record.get("sources") or ())), set(sources))
        likeness = 1.0 if covers else min(0.95, near)
        if likeness >= RESEMBLES and (best is None or likeness > best.likeness):
            best = Earlier(record, round(likeness, 3), covers)
    return best
