"""Which of the operator's words on one piece hold beyond it.

A wish that the engines understand as a command (drop section X, shorter, a title) was about this piece, and so was one
that points at a place in it (“the second paragraph”, “here”). The rest may be a rule, and is proposed as one. What says
itself that it is general (“always”, “never”, “in future”) is a rule however it is put.
"""

from __future__ import annotations

import re

from aios.agents.offline.guidance import understand

FEWEST_WORDS = 2  # “nicer” teaches nothing

_GENERAL = re.compile(
    r"\b(?:always|never|every|each time|whenever|in future|from now on|generally|as a rule"
    r"|immer|stets|nie|niemals|jede[rsnm]?|künftig|in zukunft|ab jetzt|grundsätzlich)\b",
    re.IGNORECASE,
)
_PLACE = (
    r"(?:piece|page|text|draft|article|version|section|part|chapter|paragraph|sentence|line|heading|headline|title|"
    r"summary|quote|quotation|figure|number|list|table|link|word|example|one|"
    r"stück|seite|entwurf|abschnitt|absatz|satz|zeile|überschrift|titel|zitat|zahl|liste|tabelle|wort|beispiel)"
)
_WHICH = (
    r"(?:this|that|these|those|the (?:first|second|third|fourth|fifth|last|next|previous|opening|closing|same)|"
    r"diese[rsnm]?|de[rnms] (?:erste|zweite|dritte|letzte|nächste)[nrs]?|die (?:erste|zweite|dritte|letzte|nächste)n?)"
)
_HERE = re.compile(
    rf"\b(?:here|above|below|hier|oben|unten)\b|\b{_WHICH}\s+(?:\w+\s+)?{_PLACE}s?\b"
    rf"|\b{_PLACE}\s+(?:no\.? ?|nr\.? ?)?\d",
    re.IGNORECASE,
)


def rules_in(words: str) -> list[str]:
    """The clauses of a note that may hold for other pieces too, in order."""
    heard = understand((words,))
    commands = [directive.text for directive in heard.directives if _GENERAL.search(directive.text)]
    others = [wish for wish in heard.unclear if _GENERAL.search(wish) or not _HERE.search(wish)]
    found = {wish for wish in (*commands, *others) if len(wish.split()) >= FEWEST_WORDS}
    return sorted(found, key=words.find)
