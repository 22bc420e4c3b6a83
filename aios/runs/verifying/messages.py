"""Commit messages: each must be, byte for byte, what `render_message` makes of the facts in it.

So nothing can stand in it twice, in another order, or read as a trailer to git and as prose to us.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from aios.domain.event import EventNote, render_message

LIMIT = 256 * 1024  # characters
_NUMBERS = frozenset({"Item", "Attempt"})
_TEXTS = {
    "Run": "run",
    "Step": "step",
    "Status": "status",
    "Actor": "actor",
    "Key": "key",
    "Context": "context",
    "Error": "error",
}


def note_of(message: str) -> EventNote | None:
    """The note that a message was rendered from; None where none gives this very message."""
    if len(message) > LIMIT:
        return None
    try:
        note = _note(message[:-1])
        return note if render_message(note) == message else None
    except (KeyError, ValueError, TypeError, RecursionError):
        return None


def _note(message: str) -> EventNote:
    """Read as if it were one that was rendered: what else is in it does not come back when the note is."""
    head, _, rest = message.partition("\n\n")
    body, _, block = rest.rpartition("\n\n")
    kind, _, title = head.partition(": ")
    values: dict[str, Any] = {"actor": ""}
    records: list[str] = []
    for line in block.split("\n"):
        name, _, value = line.removeprefix("Aios-").partition(": ")
        if name == "Record":
            records.append(value)
        elif name != "Event":
            field, found = _READERS[name](value)
            values[field] = found
    return EventNote(type=kind, title=title, body=body, records=tuple(records), **values)


def _number(field: str) -> Callable[[str], tuple[str, Any]]:
    def read(value: str) -> tuple[str, Any]:
        if not value.isdigit():  # a number below none would count from a list's end
            raise ValueError(value)
        return field, int(value)

    return read


def _text(field: str) -> Callable[[str], tuple[str, Any]]:
    return lambda value: (field, value)


def _flag(value: str) -> tuple[str, Any]:
    return "transient", value == "true"


_READERS: Mapping[str, Callable[[str], tuple[str, Any]]] = {
    **{name: _text(field) for name, field in _TEXTS.items()},
    **{name: _number(name.lower()) for name in _NUMBERS},
    "Transient": _flag,
    "Usage": lambda value: ("usage", json.loads(value)),
    "Output": lambda value: ("output", json.loads(value)),
}


def as_git_reads_it(trailers: Mapping[str, Sequence[str]], message: str) -> bool:
    """Are the trailers that git finds in the message the last lines of it, and no others?"""
    wanted: dict[str, list[str]] = {}
    for line in message.rstrip("\n").rpartition("\n\n")[2].split("\n"):
        name, _, value = line.partition(":")
        wanted.setdefault(name.strip(), []).append(value.strip())
    return {name: list(values) for name, values in trailers.items()} == wanted
