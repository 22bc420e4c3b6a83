"""Bodies of pull requests and comments as they are kept: within GitHub's bound, and stamped, so that what a person
wrote into them is noticed and never written over.

A body is: what a person left above (if anything), ours, the stamp. The stamp holds imprints of our part and of the
title; where one does not match any more, somebody edited it.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

BOUND = 65_536  # characters
_STAMP = re.compile(r"\n*<!-- aios:written body=([0-9a-f]{16}) title=([0-9a-f]{16}) -->\s*\Z")
_BELOW = "<!-- aios:below -->"
_TOLD = "> The text above was edited by hand and is kept. Below is what stands now."
_CUT = "\n\n*… cut here: GitHub takes no more. `aios show` tells the rest.*\n"
_OURS_HIDDEN = re.compile(r"<!-- aios:(?:(?!-->).)*-->", re.DOTALL)
_HIDDEN_END = re.compile(r"(?:\s*<!--(?:(?!-->).)*-->)+\s*\Z", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Written:
    """A body read back. `above` is a person's, `ours` ours; `edited` says that somebody changed our part since we
    wrote it, `retitled` that somebody changed the title. `stamped` is False for a body that never was ours."""

    above: str
    ours: str
    stamped: bool
    edited: bool
    retitled: bool

    @property
    def whole(self) -> str:
        """What a reader sees: a person's part and ours."""
        return f"{self.above}\n\n{self.ours}" if self.above else self.ours


def read(body: str, title: str) -> Written:
    text = unified(body)
    found = _STAMP.search(text)
    if found is None:
        return Written("", text, stamped=False, edited=True, retitled=True)
    visible = text[: found.start()]
    above, mark, ours = visible.rpartition(_BELOW)
    ours = ours.removeprefix("\n\n").removeprefix(_TOLD).removeprefix("\n\n") if mark else ours
    edited, retitled = imprint(ours) != found.group(1), imprint(title) != found.group(2)
    return Written(above.strip("\n"), ours, stamped=True, edited=edited, retitled=retitled)


def written(ours: str, title: str, *, above: str = "") -> str:
    """A body to be sent: within the bound, with what a person left above it, and stamped."""
    ours = unified(ours).strip("\n")
    stamp = len(_stamp("", ""))
    head = f"{above.strip()}\n\n{_BELOW}\n\n{_TOLD}\n\n" if above.strip() else ""
    ours = cut(ours, max(BOUND - stamp - len(head), 1000))
    return f"{head}{ours}{_stamp(ours, title)}"


def again(before: Written, ours: str, title: str) -> str:
    """The next body after one that is there: a person's words are kept above ours."""
    parts = [before.above, before.ours if before.edited else ""]
    visible = (_OURS_HIDDEN.sub("", part).strip("\n") for part in parts)
    above = "\n\n".join(part for part in visible if part.strip())
    room = BOUND // 2  # of a person's text and ours both are there, whatever happens
    return written(ours, title, above=cut(above, room) if len(above) > room else above)


def cut(text: str, bound: int) -> str:
    """A text within a bound of characters; what is hidden at its end stays."""
    if len(text) <= bound:
        return text
    hidden = _HIDDEN_END.search(text)
    end = hidden.group(0).strip() if hidden and len(hidden.group(0)) < bound // 2 else ""
    room = bound - len(_CUT) - len(end) - 16
    kept = text[:room]
    if kept.count("\n```") % 2:  # it would fence in all that follows
        kept += "\n```"
    return f"{kept}{_CUT}\n{end}" if end else f"{kept}{_CUT}".rstrip("\n")


def unified(text: str) -> str:
    """Line ends as one kind: the editor of the site makes them another."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def imprint(text: str) -> str:
    return hashlib.sha256(unified(text).strip().encode()).hexdigest()[:16]


def _stamp(ours: str, title: str) -> str:
    return f"\n\n<!-- aios:written body={imprint(ours)} title={imprint(title)} -->"
