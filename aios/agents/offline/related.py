"""Links from a piece to earlier published ones that share its subject."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from aios.agents.evidence import CONNECTIVE, RECORD, Sentence
from aios.agents.offline.earlier import headings_of
from aios.agents.offline.phrasing import Phrasing
from aios.agents.offline.text.language import Language
from aios.agents.offline.text.words import stems
from aios.domain.record import Record

MOST = 3
SHARED = 2  # telling stems that two pieces must have in common


@dataclass(frozen=True, slots=True)
class Related:
    record: Record
    shared: tuple[str, ...]

    @property
    def url(self) -> str:
        """Its address; beside this piece's own where it has none of its own yet."""
        return str(self.record.get("url") or f"../{self.record.get('slug') or self.record.id}/")


def related(this: Record, others: Sequence[Record], known: Language) -> list[Related]:
    """At most three published pieces, those that share most of what is said in titles, tags and headings.

    A stem that most pieces have tells nothing.
    """
    published = [record for record in others if record.get("status") == "published" and record.id != this.id]
    bags = {record.id: _about(record, known) for record in published}
    mine = _about(this, known)
    found = []
    for record in published:
        shared = {
            stem
            for stem in mine & bags[record.id]
            if len(published) < 4 or sum(stem in bag for bag in bags.values()) <= len(published) / 2
        }
        tagged = set(map(str, this.get("tags") or ())) & set(map(str, record.get("tags") or ()))
        if len(shared) + len(tagged) >= SHARED:
            found.append((len(shared) + 2 * len(tagged), record.id, Related(record, tuple(sorted(shared | tagged)))))
    found.sort(key=lambda item: (-item[0], item[1]))
    return [item for _, _, item in found[:MOST]]


def _about(record: Record, known: Language) -> set[str]:
    words = (record.get("title"), record.get("topic"), *(record.get("tags") or ()), *headings_of(record))
    return set(stems(" ".join(str(word) for word in words if word).replace("-", " "), known))


def links(found: Sequence[Related], said: Phrasing) -> tuple[str, list[Sentence]]:
    """The paragraph “Related:” with a list of links, and its evidence."""
    lead = said.related
    lines = [lead, ""]
    sentences = [Sentence(lead, CONNECTIVE, rule="related-lead")]
    for item in found:
        text = f"- [{str(item.record.get('title')).replace('[', '(').replace(']', ')')}]({item.url})"
        lines.append(text)
        sentences.append(Sentence(text, RECORD, source=item.record.path, rule="related-title-and-url"))
    return "\n".join(lines), sentences
