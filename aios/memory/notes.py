"""Notes: the files of memory, Markdown with front matter, one idea each.

A note says where it comes from (`source`, `run`), how far to trust it, when it was made and, where it will not stay
true, when it expires. The same kind and title make the same path, so that what is learned again replaces it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from aios.domain.front_matter import render_markdown
from aios.domain.names import MEMORY
from aios.domain.record import Document, Trust
from aios.domain.slug import slug

SCHEMA = "note.v1"
DIRECTORIES = {"lesson": "lessons"}  # other kinds live in a directory of their own name


@dataclass(frozen=True, slots=True)
class Note:
    """`created` and `expires` are ISO 8601 dates or date-times; an empty `expires` means never."""

    kind: str
    title: str
    body: str
    source: tuple[str, ...] = ()
    run: str = ""
    trust: Trust = Trust.DERIVED
    created: str = ""
    expires: str = ""


def path_of(kind: str, title: str) -> str:
    """`memory/lessons/<slug>.md` for a lesson, `memory/<kind>/<slug>.md` for any other kind."""
    return f"{MEMORY}{DIRECTORIES.get(kind, slug(kind))}/{slug(title)}.md"


def render(note: Note) -> str:
    """The note's whole text."""
    data: dict[str, Any] = {
        "schema": SCHEMA,
        "kind": note.kind,
        "title": note.title,
        "source": list(note.source),
        "run": note.run,
        "trust": note.trust.value,
        "created": note.created,
    }
    if note.expires:
        data["expires"] = note.expires
    return render_markdown(data, note.body.strip() + "\n")


def note_of(document: Document) -> Note | None:
    """The note in a parsed file; None where the file is no note. An unmarked note is external."""
    data = document.data
    if not str(data.get("schema", "")).startswith("note.") or not data.get("kind"):
        return None
    source = data.get("source") or ()
    trust = str(data.get("trust", ""))
    return Note(
        kind=str(data["kind"]),
        title=str(data.get("title", "")),
        body=document.body or "",
        source=tuple(str(item) for item in source) if isinstance(source, list | tuple) else (str(source),),
        run=str(data.get("run") or ""),
        trust=Trust(trust) if trust in set(Trust) else Trust.EXTERNAL,
        created=str(data.get("created") or ""),
        expires=str(data.get("expires") or ""),
    )


def lesson(
    title: str, body: str, *, run: str, source: Sequence[str], trust: Trust, created: str, expires: str = ""
) -> tuple[str, str]:
    """Path and text of a lesson. `source` are the records (refs) that it rests on."""
    note = Note("lesson", title, body, tuple(source), run, trust, created, expires)
    return path_of("lesson", title), render(note)
