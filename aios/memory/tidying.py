"""Giving back the room that gone files leave behind: what an index weighs follows what it holds, not what it held.

Full-text search keeps the words of gone passages, beside marks that they are gone, until it merges its parts; SQLite
keeps emptied pages in its file. Both are put in order once they pass a share of the whole, so that the work is in
proportion to the changes that made it necessary. Nothing that can be asked of the index is changed by it.
"""

from __future__ import annotations

import sqlite3

GONE = 0.25  # passages taken out since the last merge, as a share of those there are
FEWEST_GONE = 200
FREE = 0.2  # emptied pages, as a share of the file's
FEWEST_FREE = 64


def tidy(db: sqlite3.Connection) -> bool:
    """Put the index in order where that is due. True where anything was done.

    Transactions of its own: readers go on reading what they see, and a process killed meanwhile leaves the index whole.
    Where another process writes, it waits for nothing and raises `sqlite3.OperationalError`: a later call does it.
    """
    if not (_is_full_of_gone_words(db) or _is_full_of_free_pages(db)):
        return False
    (patience,) = db.execute("PRAGMA busy_timeout").fetchone()
    db.execute("PRAGMA busy_timeout=0")
    try:
        if _is_full_of_gone_words(db):
            _merge_words(db)
        if _is_full_of_free_pages(db):
            db.executescript("PRAGMA incremental_vacuum")  # a row for each page: `execute` would stop at the first
    finally:
        db.execute(f"PRAGMA busy_timeout={int(patience)}")
    return True


def _merge_words(db: sqlite3.Connection) -> None:
    db.execute("BEGIN IMMEDIATE")
    try:
        for table in ("passage_words", "file_words"):
            db.execute(f"INSERT INTO {table}({table}) VALUES ('optimize')")  # noqa: S608 (our own names)
        db.execute("UPDATE state SET gone = 0")
    except BaseException:
        db.execute("ROLLBACK")
        raise
    db.execute("COMMIT")


def _is_full_of_gone_words(db: sqlite3.Connection) -> bool:
    row = db.execute("SELECT gone, passages FROM state").fetchone()
    return bool(row) and row[0] > max(FEWEST_GONE, GONE * row[1])


def _is_full_of_free_pages(db: sqlite3.Connection) -> bool:
    (free,) = db.execute("PRAGMA freelist_count").fetchone()
    (pages,) = db.execute("PRAGMA page_count").fetchone()
    return bool(free > max(FEWEST_FREE, FREE * pages))
