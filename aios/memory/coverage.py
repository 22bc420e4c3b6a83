"""How much of a question some passages hold in words: the telling words count for more than the common ones."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence

from aios.memory.feedback import stems_beside
from aios.memory.index import Index


def held_of(index: Index, words: Sequence[str], passages: Sequence[int]) -> float:
    """The greatest share of the question that one of the passages holds, 0 to 1; its headings count too."""
    db = index.db
    db.execute("DELETE FROM temp.sample")
    found = index.passages_of(passages)
    files = index.files_of(sorted({file for file, _ in found.values()}))
    rows = [(number, part.text, part.heading, files[file].title) for number, (file, part) in found.items()]
    db.executemany("INSERT INTO temp.sample(rowid, text, heading, title) VALUES (?, ?, ?, ?)", rows)
    return held(index, words, passages)


def held(index: Index, words: Sequence[str], passages: Sequence[int], *, enough: float = 1.0) -> float:
    """The same, of passages that lie in the sample already. From a share of `enough` of the words, unweighed, on, that
    share is given: weighing costs a look at all places of a word.
    """
    asked = stems_beside(index.db, words)
    if not asked or not passages:
        return 0.0
    found: dict[int, set[str]] = {passage: set() for passage in passages}
    for stem in asked:
        for (passage,) in index.db.execute("SELECT DISTINCT doc FROM temp.sample_place WHERE term = ?", (stem,)):
            if passage in found:
                found[passage].add(stem)
    share = max(len(each) for each in found.values()) / len(asked)
    if share > enough:
        return share
    weights = _weights(index, asked)
    return max(sum(weights[stem] for stem in each) for each in found.values()) / sum(weights.values())


def _weights(index: Index, asked: Collection[str]) -> dict[str, float]:
    """Stem → how telling it is; one that no passage has is the most telling of all."""
    total = index.count()
    found = {}
    for stem in asked:
        row = index.db.execute("SELECT doc FROM word WHERE term = ?", (stem,)).fetchone()
        found[stem] = math.log((total + 1) / ((row[0] if row else 0) + 0.5))
    return found
