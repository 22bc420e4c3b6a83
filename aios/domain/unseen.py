"""Characters that nobody sees, or that a terminal obeys: taken out of lines of ours, made visible where text is shown.

Joiners and the selectors of emoji are ordinary one at a time and odd in a row.
"""

from __future__ import annotations

import json
import re

_CONTROLS = "\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029"
_TURNING = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
_EMPTY = (
    "\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u2060-\u2065\u206a-\u206f\u3164\ufe00-\ufe0d\ufeff\uffa0"
    "\ufff0-\ufffb\U000e0000-\U000e0fff\ud800-\udfff"
)
_UNSEEN = re.compile(rf"[{_CONTROLS}{_TURNING}{_EMPTY}]|[\u200c\u200d\ufe0e\ufe0f]{{2,}}")


def without_unseen(text: str) -> str:
    while (left := _UNSEEN.sub("", text)) != text:  # what is taken out may bring joiners together
        text = left
    return text


def with_unseen_shown(text: str) -> str:
    """Each of them as `⟨U+202E⟩`; line feeds and tabs stay."""
    return _UNSEEN.sub(_named, text) if not (text.isascii() and text.isprintable()) else text


def with_unseen_escaped(text: str) -> str:
    """JSON with each of them as its escape: they stand in texts only, where that means the same."""
    return _UNSEEN.sub(lambda found: json.dumps(found[0])[1:-1], text)


def _named(found: re.Match[str]) -> str:
    return "".join(f"⟨U+{ord(char):04X}⟩" for char in found[0])
