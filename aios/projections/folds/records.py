"""A file of state or memory → its record; of some kinds, further rows."""

from __future__ import annotations

import json

from aios.domain.record import Document, ref_of
from aios.projections.folds import Rows, metrics, questions, runs
from aios.projections.folds.values import name

_TITLES = ("title", "name", "asks", "why", "summary")
_FURTHER = {"metric": metrics.fold, "question": questions.fold, "run": runs.fold}


def fold(document: Document) -> Rows:
    """Nothing for a file that names no schema: it belongs to another, or is none of ours."""
    data, path = document.data, document.path
    kind = str(data.get("schema") or "").partition(".")[0]
    if not kind:
        return []
    ref = name(ref_of(path))
    title = next((str(data[field]) for field in _TITLES if data.get(field)), "")
    status, trust = (None if data.get(field) is None else str(data[field]) for field in ("status", "trust"))
    row = (
        ref,
        kind,
        ref.rpartition("/")[2],
        name(path),
        title,
        status,
        trust,
        json.dumps(data, ensure_ascii=False),
        document.body,
    )
    further = _FURTHER.get(kind)
    return [("records", row), *(further(ref, data) if further else ())]
