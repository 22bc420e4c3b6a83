"""An event → the fields that it changed in records."""

from __future__ import annotations

from collections.abc import Iterator
from json import JSONEncoder
from json.encoder import encode_basestring

from aios.domain.event import Change, Event
from aios.domain.names import MEMORY, SCHEMAS, WORKFLOWS
from aios.domain.record import ref_of
from aios.projections.folds import Rows
from aios.projections.folds.values import name
from aios.store.fields import Versions

_ENCODER = JSONEncoder(ensure_ascii=False)
_FOLDERS = ("state/", MEMORY, WORKFLOWS)


def told(event: Event) -> Iterator[Change]:
    """The changes that are told field by field: those of records, notes and workflows."""
    return (change for change in event.changes if is_told(change.path) or is_told(change.renamed_from))


def is_told(path: str) -> bool:
    return path.startswith(_FOLDERS) and path.endswith((".yaml", ".md")) and not path.startswith(SCHEMAS)


def fold(seq: int, event: Event, versions: Versions) -> Rows:
    return [
        ("field_changes", (seq, name(ref_of(found.path)), found.field, _json(found.before), _json(found.after)))
        for change in told(event)
        for found in versions.compare(change)
    ]


def _json(value: object) -> str | None:
    if value is None:
        return None
    return encode_basestring(value) if type(value) is str else _ENCODER.encode(value)
