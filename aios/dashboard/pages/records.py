"""Records: kinds, lists, a page for each, and what the search looks through."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from aios.dashboard.page import Page, kind_page, paged, record_page, run_page
from aios.dashboard.source import Row, Source

SIZE = 200  # records of one list
_EXCERPT = 240  # characters of a text that the search shows and looks through, at least
_NOTE = 4_000  # the same of a note, at most: memory is searched whole, as far as that stays quick to load
_SEARCHED = 6_000_000  # characters of all notes that the search may hold
_MEMORY = frozenset({"note", "source"})
_SHARD = 400_000  # characters of one file of the search
_SPACE = re.compile(r"[\s#*_>`\[\]|]+")
_HISTORY = 20  # events on a record's page


def pages(source: Source) -> Iterator[Page]:
    yield Page("records/index.html", "records", "Records", "kinds.html", {"kinds": source.kinds})
    for kind, count in source.kinds:
        rows = source.ask("SELECT ref, title, status, trust FROM records WHERE kind = ? ORDER BY ref", [kind])
        lists = paged(rows, SIZE)
        for number, part in enumerate(lists, 1):
            data = {"kind": kind, "rows": part, "number": number, "count": len(lists), "all": count}
            yield Page(kind_page(kind, number), "records", kind, "records.html", data)
    history = _history(source)
    for row in source.ask("SELECT * FROM records WHERE kind <> 'run' ORDER BY ref"):
        data = {"record": row, "fields": _fields(row), "history": history.get(str(row["ref"]), [])}
        yield Page(record_page(str(row["ref"])), "records", str(row["title"] or row["ref"]), "record.html", data)


def search_files(source: Source) -> Iterator[tuple[str, str]]:
    """(path, text) of the files that the search loads, as scripts: a page on a disk may load nothing else."""
    shard: list[str] = []
    size, number = 0, 0
    notes = sum(count for kind, count in source.kinds if kind in _MEMORY)
    longest = max(_EXCERPT, min(_NOTE, _SEARCHED // max(notes, 1)))
    for row in source.ask("SELECT ref, kind, title, status, data, body FROM records ORDER BY ref"):
        entry = json.dumps(_entry(row, longest), ensure_ascii=True, separators=(",", ":")).replace("<", "\\u003c")
        shard.append(entry)
        size += len(entry)
        if size >= _SHARD:
            number += 1
            yield f"search/{number}.js", _script(shard)
            shard, size = [], 0
    if shard or not number:
        number += 1
        yield f"search/{number}.js", _script(shard)
    yield "search/count.js", f"aiosSearchFiles({number});\n"


def _script(entries: list[str]) -> str:
    return "aiosSearchAdd([\n" + ",\n".join(entries) + "\n]);\n"


def _entry(row: Row, longest: int) -> list[str]:
    kind, data = str(row["kind"]), json.loads(str(row["data"] or "{}"))
    about = str(data.get("summary") or data.get("description") or "")
    text = _SPACE.sub(" ", f"{about} {row['body'] or ''}").strip()
    place = run_page(str(data.get("run") or "")) if kind == "run" else record_page(str(row["ref"]))
    return [place, kind, str(row["title"] or row["ref"]), text[: longest if kind in _MEMORY else _EXCERPT]]


def _fields(row: Row) -> list[tuple[str, Any]]:
    data = json.loads(str(row["data"] or "{}"))
    return [(str(name), value) for name, value in data.items() if name != "schema"]


def _history(source: Source) -> dict[str, list[Row]]:
    """The newest events of each record, newest first."""
    rows = source.ask(
        "SELECT r.ref, e.at, e.type, e.subject, e.actor, e.author, e.commit_id FROM event_records r JOIN events e"
        " ON e.seq = r.seq ORDER BY e.seq DESC"
    )
    found: dict[str, list[Row]] = {}
    for row in rows:
        told = found.setdefault(str(row["ref"]), [])
        if len(told) < _HISTORY:
            told.append({**row, "subject": str(row["subject"]).removeprefix(f"{row['type']}: ")})
    return found
