"""Memory: notes, and the passages that recall finds."""

from __future__ import annotations

from dataclasses import dataclass

from aios.domain.record import Trust


@dataclass(frozen=True, slots=True)
class Hit:
    """A recalled passage.

    `path` and `start`–`end` locate it: offsets in characters into the document's *body* (the text behind the front
    matter; the whole text of a plain YAML record rendered as prose has start = end = 0). `line` counts from 1 within
    the file. `score` is comparable within one answer only; `why` says in words why it was found.
    """

    path: str
    kind: str
    title: str
    text: str
    start: int
    end: int
    line: int
    score: float
    why: str
    trust: Trust
    created: str = ""
    blob: str = ""
