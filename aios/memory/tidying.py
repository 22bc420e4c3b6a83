"""Giving back the room that gone files leave behind: what an index weighs follows what it holds, not what it held.

Full-text search keeps the words of gone passages, beside marks that they are gone, until it merges its parts; SQLite
keeps emptied and half-empty pages in its file. Both are put in order once what is gone passes a share of the whole, so
that the work is in proportion to the changes that made it necessary: at 100,000 passages half a second, once in 25,000
changed ones. Nothing that can be asked of the index is changed by it.
"""

from __future__ import annotations

import sqlite3

GONE = 0.25  # passages taken out since the last time, as a share of those there are
FEWEST = 200


def tidy(db: sqlite3.Connection) -> bool:
    """Put the index in order where that is due. True where it was.

    Transactions of its own: readers go on reading what they see, and a process killed meanwhile leaves the index whole.
    Where another process writes, it waits for nothing and raises `sqlite3.OperationalError`: a later call does it.
    """
    gone, passages = db.execute("SELECT gone, passages FROM state").fetchone() or (0, 0)
    if gone <= max(FEWEST, GONE * passages):
        return False
    (patience,) = db.execute("PRAGMA busy_timeout").fetchone()
    db.execute("PRAGMA busy_timeout=0")
    try:
        _merge_words(db)
        db.execute("VACUUM")
        # Last, so that work that was killed before it is done again.
        db.execute("UPDATE state SET gone = max(gone - ?, 0)", (gone,))
    finally:
        db.execute(f"PRAGMA busy_timeout={int(patience)}")
    return True


def _merge_words(db: sqlite3.Connection) -> None:
    db.execute("BEGIN IMMEDIATE")
    try:
        for table in ("passage_words", "file_words"):
            db.execute(f"INSERT INTO {table}({table}) VALUES ('optimize')")  # noqa: S608 (our own names)
    except BaseException:
        db.execute("ROLLBACK")
        raise
    db.execute("COMMIT")
