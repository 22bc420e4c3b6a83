"""A labelled corpus: documents, questions, and which documents answer which question; read from JSONL.

One JSON object per line, in any number of files:

    {"type": "document", "id": "d1", "text": "…", "title": "…", "date": "2026-03-02", "kind": "decision",
     "group": "ticket-7", "speaker": "Ines", "replaced_by": "d9"}
    {"type": "query", "id": "q1", "text": "…?", "relevant": ["d1"], "date": "2026-11-20"}

Of a document only `id` and `text` are needed. Documents of one `group` are the turns of one conversation, in the order
of the file; `speaker` is who says it. Of a query, `id` and `text`; `relevant` may be left empty: nothing answers it.
`type` may be left out (what has `relevant` is a query). Unknown fields are ignored.

`laid_out` makes a company's memory of it, as an operator would keep it: a note per document, a transcript per
conversation and day.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aios.domain import front_matter
from aios.domain.memory import Hit
from tests.memory.files import Files

BREAK = "\n\n* * *\n\n"


@dataclass(frozen=True, slots=True)
class Document:
    id: str
    text: str
    title: str = ""
    date: str = ""
    kind: str = "note"
    group: str = ""
    speaker: str = ""
    replaced_by: str = ""


@dataclass(frozen=True, slots=True)
class Query:
    id: str
    text: str
    relevant: frozenset[str]
    date: str = ""


@dataclass(frozen=True, slots=True)
class Corpus:
    documents: tuple[Document, ...]
    queries: tuple[Query, ...]


def read(paths: Iterable[Path]) -> Corpus:
    """All lines of all files. Raises ValueError naming file and line of what is no document and no query."""
    documents: list[Document] = []
    queries: list[Query] = []
    for path in paths:
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if not line.strip():
                continue
            try:
                data = json.loads(line)
                if data.get("type") == "query" or "relevant" in data:
                    queries.append(_query(data))
                else:
                    documents.append(_document(data))
            except (ValueError, KeyError, AttributeError, TypeError) as error:
                raise ValueError(f"{path}:{number}: neither a document nor a query: {error!r}") from error
    known = {document.id for document in documents}
    for query in queries:
        if missing := query.relevant - known:
            raise ValueError(f"query {query.id} names documents that are not there: {', '.join(sorted(missing))}")
    return Corpus(tuple(documents), tuple(queries))


def _document(data: Mapping[str, Any]) -> Document:
    names = ("title", "date", "kind", "group", "speaker", "replaced_by")
    return Document(str(data["id"]), str(data["text"]), **{name: str(data[name]) for name in names if data.get(name)})


def _query(data: Mapping[str, Any]) -> Query:
    return Query(
        str(data["id"]), str(data["text"]), frozenset(str(each) for each in data.get("relevant") or ()),
        str(data.get("date") or ""),
    )  # fmt: skip


@dataclass(slots=True)
class Memorized:
    """The corpus as files, and the way back from a passage to the documents that it shows."""

    files: Files
    places: dict[str, list[tuple[int, int, str]]] = field(default_factory=dict)  # path → (start, end, document id)

    def documents(self, hits: Iterable[Hit]) -> list[str]:
        """Document ids in the order in which the passages name them first."""
        found: dict[str, None] = {}
        for hit in hits:
            for start, end, identifier in self.places.get(hit.path, ()):
                if (hit.start < end and start < hit.end) or hit.start == hit.end == 0:
                    found.setdefault(identifier)
        return list(found)


def laid_out(corpus: Corpus) -> Memorized:
    files: dict[str, str | bytes] = {}
    places: dict[str, list[tuple[int, int, str]]] = {}
    path_of = _paths(corpus.documents)
    by_path: dict[str, list[Document]] = {}
    for document in corpus.documents:
        by_path.setdefault(path_of[document.id], []).append(document)
    for path, documents in by_path.items():
        first = documents[0]
        data: dict[str, Any] = {"schema": "note.v1", "kind": _name(first.kind) if not first.group else "conversation"}
        data["title"] = first.title or first.group or " ".join(first.text.split())[:80] or first.id
        data |= {"created": first.date} if first.date else {}
        data |= {"replaced_by": path_of[first.replaced_by]} if first.replaced_by in path_of else {}
        body = ""
        for document in documents:
            body += BREAK if body else ""
            said = f"**{document.speaker}:** {document.text}" if document.speaker else document.text
            places.setdefault(path, []).append((len(body), len(body) + len(said), document.id))
            body += said
        files[path] = front_matter.render_markdown(data, body + "\n")
    return Memorized(Files(files), places)


def _paths(documents: Iterable[Document]) -> dict[str, str]:
    paths = {}
    for number, document in enumerate(documents):
        if document.group:
            day = f"-{_name(document.date)}" if document.date else ""
            paths[document.id] = f"memory/conversations/{_name(document.group)}{day}.md"
        else:
            paths[document.id] = f"memory/{_name(document.kind)}/n{number:06}.md"
    return paths


def _name(text: str) -> str:
    return "-".join("".join(char if char.isascii() and char.isalnum() else " " for char in text.lower()).split()) or "x"
