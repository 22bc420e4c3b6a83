"""One file by itself: its findings, and the few facts that checks across records need.

Both depend on nothing but the file's path and content and its kind's schemas, so that they may be kept.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from aios.domain.finding import Finding, Severity
from aios.domain.names import SCHEMAS
from aios.domain.record import Document, Trust, Where
from aios.domain.slug import PATTERN
from aios.store.catalog import id_of
from aios.store.documents import parse
from aios.store.explain import name_of
from aios.store.schemas import Kind, Schemas
from aios.store.secrets import KNOWN, secrets_in, worth_a_look

_ID = re.compile(PATTERN)
_ID_LIMIT = 128
_SITE = re.compile(r"^(?:[a-z][a-z0-9+.-]*://)?(?:www\.)?", re.IGNORECASE)

# (field, value to compare, line, column)
Unique = tuple[str, str, int, int]
# (field, kind or `*`, id, line, column)
Reference = tuple[str, str, str, int, int]


@dataclass(frozen=True, slots=True)
class Facts:
    """What a record says about others: the values that must be its own, and whom it refers to."""

    title: Unique | None = None
    unique: tuple[Unique, ...] = ()
    references: tuple[Reference, ...] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """`facts` is None for a file that is no readable record."""

    findings: tuple[Finding, ...]
    facts: Facts | None = None


def judge(path: str, content: bytes, schemas: Schemas) -> Verdict:
    """Judge a record, or a schema file. A file of neither sort is in order."""
    if path.startswith(SCHEMAS):
        return Verdict(tuple(_schema_findings(path, content)))
    name = schemas.kind_of(path)
    if name is None:
        return Verdict(())
    kind = schemas.kind(name)
    document, findings = parse(path, content)
    if document is None:
        return Verdict(tuple(findings + _id_findings(kind, path)))
    data, findings = schemas.read(document)
    findings += _id_findings(kind, path)
    if kind.name == "connector" or worth_a_look(content.decode()):
        findings += _secret_findings(kind, document)
    return Verdict(tuple(findings), facts_of(kind, document.data if data is None else data, document))


def facts_of(kind: Kind, data: Mapping[str, Any], document: Document) -> Facts:
    """The facts of a record, in order or not. Empty text refers to nothing and need not be unique."""

    def values(field: str) -> Iterator[tuple[Where, str]]:
        return ((where, value) for where, value in _reach(data, field) if isinstance(value, str) and value.strip())

    titles = [
        (kind.title, " ".join(value.split()).casefold(), *document.position(where))
        for where, value in (values(kind.title) if kind.title and not kind.same_title else ())
    ]
    unique = tuple(
        (field, _comparable(value), *document.position(where))
        for field in kind.unique
        for where, value in values(field)
    )
    references = tuple(
        (name_of(where).strip(), target, value, *document.position(where))
        for field, target in kind.references.items()
        for where, value in values(field)
    )
    return Facts(titles[0] if titles else None, unique, references)


def _comparable(value: str) -> str:
    """What makes two addresses, domains or names the same one."""
    return _SITE.sub("", value.strip()).rstrip("/").casefold()


def _reach(data: Mapping[str, Any], field: str) -> Iterator[tuple[Where, Any]]:
    """All values under a field path: `tags[]`, `items[].product`, `steps.*.agent`."""
    if field in data:
        yield (field,), data[field]
        return
    if "." not in field and "[" not in field:
        return
    level: list[tuple[Where, Any]] = [((), data)]
    for part in field.replace("[]", ".[]").split("."):
        reached: list[tuple[Where, Any]] = []
        for where, value in level:
            if part == "[]" and isinstance(value, list):
                reached += [((*where, index), item) for index, item in enumerate(value)]
            elif part == "*" and isinstance(value, dict):
                reached += [((*where, key), item) for key, item in value.items()]
            elif isinstance(value, dict) and part in value:
                reached.append(((*where, part), value[part]))
        level = reached
    yield from level


def _id_findings(kind: Kind, path: str) -> list[Finding]:
    name = id_of(path)
    if kind.file or (len(name) <= _ID_LIMIT and _ID.match(name)):
        return []
    message = f"`{name[:60]}` cannot be an id: ids are lower-case letters and digits joined by single hyphens"
    return [Finding(path, 0, 0, "record-id", message, "rename the file with `git mv`")]


def _secret_findings(kind: Kind, document: Document) -> list[Finding]:
    findings: list[Finding] = []
    for where, why in secrets_in(document.data, opaque=kind.name == "connector"):
        message = f"{name_of(where)}{why}; nothing secret may be in a record"
        hint = "name an environment variable, `{env: NAME}`, and replace the secret at its service"
        findings.append(Finding(document.path, *document.position(where), "secret", message, hint))
    # What others wrote may show example keys; it is kept as it was found.
    shown = KNOWN.search(document.body) if document.body and document.data.get("trust") != Trust.EXTERNAL else None
    if shown and document.body:
        line = document.body_line + document.body.count("\n", 0, shown.start())
        column = shown.start() - document.body.rfind("\n", 0, shown.start())
        message, hint = "the text holds what looks like a secret", "if it is one, replace it at its service"
        findings.append(Finding(document.path, line, column, "secret", message, hint, Severity.WARNING))
    return findings


def _schema_findings(path: str, content: bytes) -> list[Finding]:
    """A schema that is no schema. That it is JSON, and what it declares, is judged when the schemas are read."""
    try:
        schema = json.loads(content)
    except (ValueError, RecursionError):
        return []
    if not isinstance(schema, dict):
        return []
    from aios.store.validators import problem_of

    problem = problem_of(schema)
    return [Finding(path, 1, 1, "schema-invalid", problem, "it must be JSON Schema, draft 07")] if problem else []
