"""Memory: notes, and the passages that recall finds."""

from __future__ import annotations

from dataclasses import dataclass

from aios.domain.record import Trust


@dataclass(frozen=True, slots=True)
class Hit:
    """A recalled passage.

    `path` and `start`–`end` locate it: offsets in characters into the document's *body* (the text behind the front
    matter; the whole text of a plain YAML record rendered as prose has start = end = 0). `line` counts from 1 within
    the file, `last_line` is the passage's last. `run` is the run that wrote the file, where it says so. `score` is
    comparable within one answer only; `why` says in words why it was found. `model` is the fingerprint of the embedding
    model that took part in the answer; empty where words alone were asked. `weak` says that none of the answer's
    passages holds much of what was asked: there may be no answer.
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
    last_line: int = 0
    run: str = ""
    model: str = ""
    weak: bool = False


@dataclass(frozen=True, slots=True)
class Among:
    """Which passages an answer may come from, where that is not all of them; what is empty narrows nothing.

    `record` is one record (`customers/acme`, `acme`, a path): its own passages, and those of files that refer to it.
    `since` and `until` are ISO dates (or the start of one) of when the file was made, both included; a file without a
    date is of no time.
    """

    trust: frozenset[Trust] = frozenset()
    run: str = ""
    record: str = ""
    since: str = ""
    until: str = ""


EVERYTHING = Among()
