"""What somebody outside says, as one short line without our keys in it.

They are taken out before the line is cut: half a key is recognised by nobody.
"""

from __future__ import annotations

from collections.abc import Iterable

from aios.domain.event import one_line

_SHORTEST = 6  # characters: what is shorter is no key, and stands in many words


def quoted(text: str, keys: Iterable[str], limit: int, *, end: bool = False) -> str:
    """At most `limit` characters of it: the first, or with `end` the last."""
    for key in sorted({each for each in keys if len(each) >= _SHORTEST}, key=len, reverse=True):
        text = text.replace(key, "[…]")
    words = " ".join(text.split())
    return one_line(words[-limit:] if end else words, limit)
