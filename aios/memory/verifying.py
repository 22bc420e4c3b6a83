"""Is the index what the tree says? Every file read anew and held beside what is kept of it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

from aios.domain.tree import Tree
from aios.memory.entries import entry
from aios.memory.index import Index, recalled

_KEPT = "SELECT text, heading, speaker FROM passage WHERE file = ? ORDER BY id"
_REPAIR = "`aios rebuild` makes it anew"


def differences(index: Index, tree: Tree) -> Iterator[str]:
    """What differs, a line each."""
    wanted = recalled(tree)
    kept = {file.path: file for file in index.files()}
    yield from (f"{path}: in the index, not in the tree; {_REPAIR}" for path in sorted(kept.keys() - wanted.keys()))
    for path, blob in wanted.items():
        file = kept.get(path)
        if file is None:
            yield f"{path}: not in the index; {_REPAIR}"
        elif file.blob != blob:
            yield f"{path}: indexed as it was in {file.blob[:10]}, now {blob[:10]}; {_REPAIR}"
        else:
            found = entry(path, tree.read(path) or b"")
            expected = [(part.text, part.heading, part.speaker.lower()) for part in found.passages]
            if index.db.execute(_KEPT, (file.id,)).fetchall() != expected:
                yield f"{path}: its passages are not those of the file; {_REPAIR}"
    yield from _words(index)


def _words(index: Index) -> Iterator[str]:
    """The full-text tables against themselves, and a word for every passage."""
    for table, rows in (("passage_words", "passage"), ("file_words", None)):
        try:
            index.db.execute(f"INSERT INTO {table}({table}) VALUES ('integrity-check')")  # noqa: S608 (our names)
        except sqlite3.DatabaseError as error:
            yield f"the words of {table}: {error}; {_REPAIR}"
        if rows:
            missing = f"SELECT count(*) FROM {rows} WHERE id NOT IN (SELECT id FROM {table}_docsize)"  # noqa: S608
            (number,) = index.db.execute(missing).fetchone()
            if number:
                yield f"{number} passages cannot be found by their words; {_REPAIR}"
