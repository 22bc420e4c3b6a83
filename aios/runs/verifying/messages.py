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
    if len(message) > LIMIT or not message.endswith("\n"):
        return None
    head, apart, rest = message[:-1].partition("\n\n")
    body, _, block = rest.rpartition("\n\n")
    kind, colon, title = head.partition(": ")
    if not apart or not colon or "\n" in head:
        return None
    try:
        note = _note(kind, title, body, block.split("\n"))
        return note if note is not None and render_message(note) == message else None
    except (ValueError, TypeError, RecursionError):
        return None


def _note(kind: str, title: str, body: str, lines: Sequence[str]) -> EventNote | None:
    told: dict[str, str] = {}
    records: list[str] = []
    for line in lines:
        name, colon, value = line.removeprefix("Aios-").partition(": ")
        if not line.startswith("Aios-") or not colon or name in told:
            return None
        if name == "Record":
            records.append(value)
        else:
            told[name] = value
    if told.pop("Event", None) != kind:
        return None
    values: dict[str, Any] = {"actor": ""}
    for name, value in told.items():
        read = _READERS.get(name)
        if read is None:
            return None
        field, found = read(value)
        values[field] = found
    return EventNote(type=kind, title=title, body=body, records=tuple(records), **values)


def _number(field: str) -> Callable[[str], tuple[str, Any]]:
    def read(value: str) -> tuple[str, Any]:
        if not (value.isascii() and value.isdigit() and len(value) < 10):
            raise ValueError(value)
        return field, int(value)

    return read


def _text(field: str) -> Callable[[str], tuple[str, Any]]:
    return lambda value: (field, value)


def _flag(value: str) -> tuple[str, Any]:
    return "transient", value == "true"


def _usage(value: str) -> tuple[str, Any]:
    found = json.loads(value)
    if not isinstance(found, Mapping):
        raise TypeError(value)
    return "usage", found


_READERS: Mapping[str, Callable[[str], tuple[str, Any]]] = {
    **{name: _text(field) for name, field in _TEXTS.items()},
    **{name: _number(name.lower()) for name in _NUMBERS},
    "Transient": _flag,
    "Usage": _usage,
    "Output": lambda value: ("output", json.loads(value)),
}


def as_git_reads_it(trailers: Mapping[str, Sequence[str]], message: str) -> bool:
    """Are the trailers that git finds in the message the last lines of it, and no others?"""
    wanted: dict[str, list[str]] = {}
    for line in message.rstrip("\n").rpartition("\n\n")[2].split("\n"):
        name, _, value = line.partition(":")
        wanted.setdefault(name.strip(), []).append(value.strip())
    return {name: list(values) for name, values in trailers.items()} == wanted
