"""Drafts for tests."""

from __future__ import annotations

from collections.abc import Mapping

from aios.store.commits import Draft

AT = "2026-03-02T09:00:00+01:00"


def draft(name: object, changes: Mapping[str, bytes | None] | None = None, *, at: str = AT) -> Draft:
    """A draft that writes one record, unless told otherwise."""
    files = {f"state/notes/{name}.yaml": f"name: {name}\n".encode()} if changes is None else changes
    return Draft(
        f"note.written: {name}\n\nAios-Event: note.written\nAios-Key: {name}\n", files, at, "aios", "aios@acme.example"
    )
