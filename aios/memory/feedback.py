"""Words that the best passages share and that set them apart from all others: what to ask for next."""

from __future__ import annotations

import json
import math
import sqlite3
from collections.abc import Sequence

from aios.memory.index import Index
from aios.memory.words import STOP

WORDS = 10
FEWEST_PASSAGES = 3  # two share words by chance
COMMON = 0.05  # a word of more than this share of all passages sets nothing apart

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
    total = count(db)
    rows = db.execute(_SHARED, (json.dumps(sorted(asked)),)).fetchall()
    weighed = sorted(
        (-(near * math.log((total + 1) / (everywhere + 0.5))), term)
        for term, near, everywhere in rows
        if len(term) > 2 and term not in STOP and not term.isdigit() and everywhere <= max(total * COMMON, near)
    )
    return [term for _, term in weighed[:WORDS]]


def count(db: sqlite3.Connection) -> int:
    """Passages in the index (the word table has a row for each)."""
    return int(db.execute("SELECT count(*) FROM passage").fetchone()[0])


def stems(db: sqlite3.Connection, words: Sequence[str]) -> set[str]:
    """The words as the index keeps them."""
    db.execute("DELETE FROM temp.sample")
    db.execute("INSERT INTO temp.sample(text) VALUES (?)", (" ".join(words),))
    return {row[0] for row in db.execute("SELECT term FROM temp.sample_word")}
