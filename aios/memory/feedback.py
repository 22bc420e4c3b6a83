"""Words that the best passages share and that set them apart from all others: what to ask for next."""

from __future__ import annotations

import json
import math
import sqlite3
from collections.abc import Sequence

from aios.memory.index import Index
from aios.memory.words import STOP

WORDS = 8
MATCHES = 1_000  # passages that they may have together: what a second search may cost
FEWEST_PASSAGES = 3  # two share words by chance
_LAST_ROW = 2**62  # no passage has it
COMMON = 0.1  # a word of more than this share of all passages sets nothing apart

_SHARED = """
SELECT s.term, s.doc, w.doc FROM temp.sample_word s CROSS JOIN word w ON w.term = s.term
WHERE s.doc > 1 AND s.term NOT IN (SELECT value FROM json_each(?))
"""


def related_words(index: Index, words: Sequence[str], best: Sequence[int]) -> list[str]:
    """At most `WORDS`, as the index keeps them (stems), none of them of the question."""
    if len(best) < FEWEST_PASSAGES:
        return []
    db = index.db
    asked = stems(db, words)
    db.execute("DELETE FROM temp.sample")
    texts = index.passages_of(best)
    db.executemany("INSERT INTO temp.sample(text) VALUES (?)", [(part.text,) for _, part in texts.values()])
    total = index.count()
    rows = db.execute(_SHARED, (json.dumps(sorted(asked | STOP)),)).fetchall()
    weighed = sorted(
        (-(near * math.log((total + 1) / (everywhere + 0.5))), term, everywhere)
        for term, near, everywhere in rows
        if len(term) > 2 and not term.isdigit() and everywhere <= max(total * COMMON, near)
    )
    kept: list[str] = []
    matches = 0
    for _, term, everywhere in weighed:
        matches += everywhere
        if len(kept) == WORDS or matches > MATCHES:
            break
        kept.append(term)
    return kept


def stems(db: sqlite3.Connection, words: Sequence[str]) -> set[str]:
    """The words as the index keeps them."""
    db.execute("DELETE FROM temp.sample")
    db.execute("INSERT INTO temp.sample(text) VALUES (?)", (" ".join(words),))
    return {row[0] for row in db.execute("SELECT term FROM temp.sample_word")}


def stems_beside(db: sqlite3.Connection, words: Sequence[str]) -> set[str]:
    """The same, leaving the sample as it is."""
    db.execute("INSERT INTO temp.sample(rowid, text) VALUES (?, ?)", (_LAST_ROW, " ".join(words)))
    found = {row[0] for row in db.execute("SELECT term FROM temp.sample_place WHERE doc = ?", (_LAST_ROW,))}
    db.execute("DELETE FROM temp.sample WHERE rowid = ?", (_LAST_ROW,))
    return found
