"""The projection in SQLite (a first form: rebuilt whenever main moved)."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aios.errors import UsageError
from aios.store.git import Git
from aios.store.log import read_events

TABLES: dict[str, dict[str, str]] = {
    "records": {"kind": "", "id": "", "path": "", "title": "", "status": "", "data": ""},
    "events": {"seq": "", "commit_id": "", "at": "", "type": "", "subject": "", "actor": "", "run": "", "step": ""},
    "runs": {"run": "", "workflow": "", "status": "", "started": "", "finished": "", "base": ""},
}


@dataclass(frozen=True, slots=True)
class Rows:
    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]


class Projection:
    def __init__(self, path: Path, git: Git, main: str) -> None:
        self._path, self._git, self._main = path, git, main

    def refresh(self) -> None:
        tip = self._git.rev(self._main) or ""
        with sqlite3.connect(self._path) as db:
            db.execute("CREATE TABLE IF NOT EXISTS meta (tip TEXT)")
            if db.execute("SELECT tip FROM meta").fetchone() == (tip,):
                return
        self.rebuild()

    def rebuild(self) -> None:
        from aios.store.documents import parse

        tip = self._git.rev(self._main) or ""
        db = sqlite3.connect(self._path)
        for name, columns in TABLES.items():
            db.execute(f"DROP TABLE IF EXISTS {name}")
            db.execute(f"CREATE TABLE {name} ({', '.join(columns)})")
        for seq, e in enumerate(read_events(self._git, until=self._main)):
            row = (seq, e.commit, e.at, e.type, e.subject, e.actor, e.trailer("Run"), e.trailer("Step"))
            db.execute("INSERT INTO events VALUES (?,?,?,?,?,?,?,?)", row)
        for path, (_, oid) in self._git.tree(tip).items():
            if path.startswith("state/") and not path.startswith("state/schemas/") and path.endswith((".md", ".yaml")):
                document, _ = parse(path, self._git.read_blob(oid) or b"")
                if document is None:
                    continue
                data = document.data
                kind = str(data.get("schema", "")).partition(".")[0]
                if kind == "run":
                    row2 = tuple(data.get(k) for k in ("run", "workflow", "status", "started", "finished", "base"))
                    db.execute("INSERT INTO runs VALUES (?,?,?,?,?,?)", row2)
                stem = path.rpartition("/")[2].rpartition(".")[0]
                row3 = (
                    kind,
                    stem,
                    path,
                    str(data.get("title", data.get("name", ""))),
                    data.get("status"),
                    json.dumps(data),
                )
                db.execute("INSERT INTO records VALUES (?,?,?,?,?,?)", row3)
        db.execute("DELETE FROM meta")
        db.execute("INSERT INTO meta VALUES (?)", (tip,))
        db.commit()
        db.close()

    def query(self, sql: str, params: Sequence[Any] = (), *, limit: int = 1000) -> Rows:
        with sqlite3.connect(f"file:{self._path}?mode=ro", uri=True) as db:
            db.set_authorizer(_reading)
            try:
                cursor = db.execute(sql, params)
            except sqlite3.Error as error:
                raise UsageError(str(error), f"tables: {', '.join(TABLES)}") from error
            return Rows(tuple(c[0] for c in cursor.description or ()), tuple(cursor.fetchmany(limit)))


_READS = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE}


def _reading(action: int, *_: object) -> int:
    """Nothing but reading: no ATTACH, no PRAGMA, no writing."""
    return sqlite3.SQLITE_OK if action in _READS else sqlite3.SQLITE_DENY
