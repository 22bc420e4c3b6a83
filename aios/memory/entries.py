"""What memory keeps of one file: its passages, and the facts that help to find and judge them.

A file that cannot be read as its format is still found by its words, as external text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from aios.domain import front_matter
from aios.domain.names import MEMORY
from aios.domain.record import Trust
from aios.domain.slug import is_slug
from aios.domain.trust import trust_of
from aios.memory.passage import Passage
from aios.memory.passages import passages
from aios.memory.scope import STATE, moment
from aios.memory.words import STOP, words_of
from aios.store import documents

TEXT_LIMIT = 1024 * 1024  # characters of a file that are indexed
FACTS_LIMIT = 4_000  # characters of a record rendered as prose
LINKS_LIMIT = 200

# Hashes, places, names of what is gone: nobody asks in these words, and of an old summary there are many.
_MACHINE_FIELDS = frozenset(
    {
        "schema", "trust", "sha256", "text_sha256", "receipt", "run", "media_type", "slug", "folds", "x-passages",
        "x-looked",
    }
)  # fmt: skip
_DATE_FIELDS = ("created", "collected", "decided", "date", "since", "updated")
_FIRST_HEADING = re.compile(r"^#{1,6}[ \t]+(.+?)[ \t#]*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Entry:
    """One file. `kinds` are all the words by which a caller may ask for it; `kind` is the one it is shown with.

    `created` is as written; `expires` a POSIX time (None: never). `names` are what it is called, as spaced lower-case
    words; `links` the ids of records it refers to; `facts` its fields as prose. `body_line` is where the body starts.
    `run` wrote it; `replaced_by` is the path of the file that took its place, empty where it holds.
    """

    path: str
    kind: str
    kinds: tuple[str, ...]
    title: str
    trust: Trust
    created: str
    expires: float | None
    facts: str
    names: tuple[str, ...]
    links: tuple[str, ...]
    body_line: int
    passages: tuple[Passage, ...]
    run: str = ""
    replaced_by: str = ""


def entry(path: str, content: bytes) -> Entry:
    """Read one file. Never fails: what is malformed is kept as external text."""
    document, _ = documents.parse(path, content)
    if document is None:
        return _unreadable(path, content)
    data = document.data
    kind, kinds = _kinds(path, data)
    facts = _prose(data)
    body = (document.body or "")[:TEXT_LIMIT]
    found = tuple(passages(body)) or (Passage(0, 0, 1, "", facts),)
    if kind == "question" and data.get("rule"):
        found = ()  # memory's own question about two notes would be found before what they say
    title = _title(path, data, body)
    return Entry(
        path=path,
        kind=kind,
        kinds=kinds,
        title=title,
        trust=trust_of(path, data),
        created=next((str(data[field]) for field in _DATE_FIELDS if data.get(field)), ""),
        expires=moment(str(data.get("expires") or "")),
        facts=facts,
        names=_names(path, title),
        links=tuple(sorted(set(_links(data)))[:LINKS_LIMIT]),
        body_line=document.body_line if document.body else 1,
        passages=found,
        run=str(data.get("run") or ""),
        replaced_by=_replacement(path, str(data.get("replaced_by") or "")),
    )


def _replacement(path: str, named: str) -> str:
    """The path that `replaced_by` means: a path, or a name of the same directory."""
    if not named or named.startswith((MEMORY, STATE)):
        return named
    directory, _, file = path.rpartition("/")
    return f"{directory}/{named.removesuffix('.md').removesuffix('.yaml')}.{file.rpartition('.')[2]}"


def _unreadable(path: str, content: bytes) -> Entry:
    text = content[:TEXT_LIMIT].decode(errors="replace").replace("\0", " ")
    _, body, line = front_matter.split(text)
    title = _title(path, {}, body)
    kind, kinds = _kinds(path, {})
    found = tuple(passages(body))
    return Entry(path, kind, kinds, title, Trust.EXTERNAL, "", None, "", _names(path, title), (), line, found)


def _kinds(path: str, data: Mapping[str, Any]) -> tuple[str, tuple[str, ...]]:
    directory = path.split("/")[1 if path.count("/") > 1 else 0]
    schema = str(data.get("schema") or "").partition(".")[0]
    kind = schema or directory
    if schema in {"note", ""} and path.startswith(MEMORY):
        kind = str(data.get("kind") or directory)
        schema = "note"
    return kind, tuple(dict.fromkeys((kind, schema or kind, directory)))


def _title(path: str, data: Mapping[str, Any], body: str) -> str:
    for field in ("title", "subject", "name", "text"):
        if isinstance(data.get(field), str) and data[field].strip():
            return str(data[field]).strip()[:300]
    heading = _FIRST_HEADING.search(body)
    return heading[1][:300] if heading else _stem(path).replace("-", " ")


def _names(path: str, title: str) -> tuple[str, ...]:
    stem = _stem(path) if path.count("/") > 1 else ""  # `company` names a file, not a company
    names = (" ".join(words_of(title)), " ".join(words_of(stem)))
    return tuple(dict.fromkeys(name for name in names if len(name) > 2 and not set(name.split()) <= STOP))


def _stem(path: str) -> str:
    return path.rpartition("/")[2].rpartition(".")[0]


def _links(value: Any) -> Iterator[str]:
    """Ids of other records: slugs with a dash or a directory in front, and the values of fields that name records."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if key not in _MACHINE_FIELDS:
                yield from _links(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _links(inner)
    elif isinstance(value, str):
        name = value.rpartition("/")[2].removesuffix(".md").removesuffix(".yaml")
        if is_slug(name) and not name.replace("-", "").isdigit():
            yield name


def _prose(data: Mapping[str, Any]) -> str:
    lines = [f"{label}: {text}" for label, text in _facts(data, "")]
    return "\n".join(lines)[:FACTS_LIMIT]


def _facts(value: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, str]]:
    for key, inner in value.items():
        label = f"{prefix}{key}".replace("_", " ")
        if key in _MACHINE_FIELDS or inner is None or inner in ("", [], {}):
            continue
        if isinstance(inner, Mapping):
            yield from _facts(inner, f"{label} ")
        elif isinstance(inner, list) and any(isinstance(item, Mapping) for item in inner):
            for item in inner:
                yield from _facts(item, f"{label} ") if isinstance(item, Mapping) else iter([(label, str(item))])
        elif isinstance(inner, list):
            yield label, ", ".join(str(item) for item in inner)
        else:
            yield label, str(inner).strip()
