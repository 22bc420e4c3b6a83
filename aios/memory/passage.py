"""A passage: what recall gives back. Apart from the cutting, so that a search need not load it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Passage:
    """`line` counts from 1 within the body; `heading` is the path of headings above, joined with ` › `."""

    start: int
    end: int
    line: int
    heading: str
    text: str
    speaker: str = ""
