"""How far two texts are apart, in characters: what an operator changed of what was proposed."""

from __future__ import annotations

import re
from difflib import SequenceMatcher

_PARTS = re.compile(r"\w+|\s+|[^\w\s]")
_LONG = 4_000  # words and signs; a longer stretch that was rewritten counts as a whole


def characters_changed(before: str, after: str) -> int:
    """The characters that were put in, taken out or replaced (the longer side counts), line by line, then by words."""
    if before == after:
        return 0
    ours, theirs = before.splitlines(keepends=True), after.splitlines(keepends=True)
    return sum(
        _within("".join(ours[a:b]), "".join(theirs[c:d]))
        for kind, a, b, c, d in SequenceMatcher(None, ours, theirs, autojunk=len(ours) > _LONG).get_opcodes()
        if kind != "equal"
    )


def _within(before: str, after: str) -> int:
    ours, theirs = _PARTS.findall(before), _PARTS.findall(after)
    if not ours or not theirs or max(len(ours), len(theirs)) > _LONG:
        return max(len(before), len(after))
    return sum(
        max(sum(map(len, ours[a:b])), sum(map(len, theirs[c:d])))
        for kind, a, b, c, d in SequenceMatcher(None, ours, theirs, autojunk=False).get_opcodes()
        if kind != "equal"
    )
