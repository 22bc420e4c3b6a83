"""Which records a question names, and which files refer to them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from aios.memory.words import words_of

LONGEST = 8  # words of a name that is looked for
READ = 200  # words of a question, from its start, in which names are looked for

_FILES = """
SELECT DISTINCT f.id, f.path, f.title FROM name n JOIN file f ON f.id = n.file
WHERE n.name IN (SELECT value FROM json_each(?)) ORDER BY f.path LIMIT 200
"""
_LINKS = "SELECT target, file FROM link WHERE target IN (SELECT value FROM json_each(?))"


@dataclass(frozen=True, slots=True)
class Named:
    """File id → titles of the named records that it is one of (`of`) or refers to (`linked`)."""

    of: Mapping[int, Sequence[str]] = field(default_factory=dict)
    linked: Mapping[int, Sequence[str]] = field(default_factory=dict)


def named_in(db: sqlite3.Connection, query: str) -> Named:
    """The files whose whole name stands in the query, in any of its places."""
    words = words_of(query[:10_000])[:READ]
    spans = {
        " ".join(words[start:end])
        for start in range(len(words))
        for end in range(start + 1, min(start + LONGEST, len(words)) + 1)
    }
    rows = db.execute(_FILES, (json.dumps(sorted(spans)),)).fetchall()
    if not rows:
        return Named()
    titles = {path.rpartition("/")[2].rpartition(".")[0]: title for _, path, title in rows}
    of = {number: (title,) for number, _, title in rows}
    linked: dict[int, list[str]] = {}
    for target, file in db.execute(_LINKS, (json.dumps(sorted(titles)),)):
        linked.setdefault(file, []).append(titles[target])
    return Named(of, {file: sorted(found) for file, found in linked.items() if file not in of})
