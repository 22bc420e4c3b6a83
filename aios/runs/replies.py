"""Our answers to comments: one reply for each comment, one paragraph for each thing answered, each written once."""

from __future__ import annotations

import re
from collections.abc import Sequence

from aios.domain.forge import Comment, Forge
from aios.domain.keys import key_of
from aios.proposals.neutral import code
from aios.runs.commands import Command

_DONE = re.compile(r"^<!-- aios:said (sha256:[0-9a-f]{64}) ([0-9a-f]{0,12}) -->$", re.MULTILINE)
LONGEST = 40_000  # characters of a reply: then it says no more


class Replies:
    """What was answered on a proposal so far, read back from our own comments. `known` maps what was answered to an
    imprint of the words; `made` counts what was added."""

    def __init__(self, forge: Forge, number: int, comments: Sequence[Comment]) -> None:
        self._forge = forge
        self._number = number
        self._texts: dict[str, str] = {}
        self.known: dict[str, str] = {}
        self.made = 0
        for each in comments:
            found = _MARK.search(each.body) if each.by_us else None
            if found:
                self._texts[found[1]] = each.body[: found.start()].strip()
                self.known |= dict(_DONE.findall(each.body))

    def add(self, to: str, key: str, digest: str, text: str, *, echo: Command | None = None) -> None:
        """Answer, unless that was done before. `to` names the comment that it answers."""
        if key in self.known:
            return
        marker = f"reply-{key_of(to).removeprefix('sha256:')[:16]}"
        before = self._texts.get(marker, "")
        words = f"/aios {echo.name} {echo.text}" if echo else ""
        said = f"{code(words, 120)}: " if echo else ""
        shown = f"{said}{text}" if len(before) < LONGEST else ""
        now = "\n\n".join(part for part in (before, shown, f"<!-- aios:said {key} {digest} -->") if part)
        self._forge.say(self._number, marker, now)
        self._texts[marker] = now
        self.known[key] = digest
        self.made += 1


_MARK = re.compile(r"<!-- aios:(reply-[0-9a-f]{16}) -->")
