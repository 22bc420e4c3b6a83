"""One thing that was looked at, and what was found."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Check:
    """`state` is ok, warning or error; `hint` says what to do, with a link where there is a page for it."""

    what: str
    state: str
    says: str
    hint: str = ""
