"""Answers that were paid for once: kept by the exact question, shared between runs, forgotten when anything differs.

The key is everything that a service sees: model, address, messages, tools, schema, bounds. A changed instruction or
schema is another question. The file lies in `.aios/` and may be deleted at any time.
"""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from aios.domain.keys import key_of
from aios.domain.model import Listen, Model, ModelReply, Request, ToolCall, Usage

MOST = 20_000  # answers kept; the oldest go first
_SCHEMA = "CREATE TABLE IF NOT EXISTS answers (number INTEGER PRIMARY KEY, key TEXT UNIQUE, answer TEXT NOT NULL)"


@dataclass(frozen=True, slots=True)
class Cached:
    """`address` is the service's: the same model elsewhere is another."""

    inner: Model
    file: Path
    address: str = ""
    most: int = MOST

    @property
    def name(self) -> str:
        return self.inner.name

    def cost(self, usage: Usage) -> float | None:
        return self.inner.cost(usage)

    def complete(self, request: Request, listen: Listen) -> ModelReply:
        """What the cache cannot do, it leaves to the service: a cache is never a reason to fail."""
        key = key_of("call", self.name, self.address, request.question())
        # A row that another version wrote may have another form.
        with suppress(sqlite3.Error, OSError, ValueError, KeyError, TypeError):
            known = None if request.terms.fresh else self._get(key)
            if known is not None:
                return known
        reply = self.inner.complete(request, listen)
        with suppress(sqlite3.Error, OSError):
            self._put(key, reply)
        return reply

    def _get(self, key: str) -> ModelReply | None:
        if not self.file.exists():
            return None
        with closing(sqlite3.connect(self.file, timeout=5.0)) as db:
            row = db.execute("SELECT answer FROM answers WHERE key = ?", (key,)).fetchone()
        if row is None:
            return None
        told = json.loads(row[0])
        calls = tuple(ToolCall(**call) for call in told["calls"])
        used = Usage(**told["usage"])
        return ModelReply(told["text"], calls, Usage(), told["model"], told["finish"], saved=used)

    def _put(self, key: str, reply: ModelReply) -> None:
        with closing(sqlite3.connect(self.file, timeout=5.0)) as db, db:
            db.execute(_SCHEMA)
            db.execute("INSERT OR REPLACE INTO answers (key, answer) VALUES (?, ?)", (key, json.dumps(asdict(reply))))
            db.execute("DELETE FROM answers WHERE number <= (SELECT max(number) FROM answers) - ?", (self.most,))
