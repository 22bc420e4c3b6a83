"""Key phrases: the word groups that a set of texts uses more than its neighbours do."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

from aios.agents.offline.text.language import Language

_CODE = re.compile(r"```.*?```|`[^`]*`|\]\([^)]*\)|https?://\S+", re.DOTALL)
_RUN = re.compile(r"[^\W\d_][^\W_]*(?:-[^\W_]+)*")
_BREAK = re.compile(r"[^\w\s'’-]+|\n\s*\n")
LONGEST = 3


def phrases(texts: Iterable[str], known: Language) -> Counter[str]:
    """Counts of one- to three-word phrases without stop words inside, lower-case, most used first."""
    counts: Counter[str] = Counter()
    for text in texts:
        for chunk in _BREAK.split(_CODE.sub(" . ", text)):
            run: list[str] = []
            for word in [*_RUN.findall(chunk.lower()), ""]:
                if word and len(word) > 2 and word not in known.stop:
                    run.append(word)
                    continue
                for size in range(1, min(LONGEST, len(run)) + 1):
                    counts.update(" ".join(run[at : at + size]) for at in range(len(run) - size + 1))
                run = []
    return counts


def key_phrases(texts: Iterable[str], others: Counter[str], known: Language, *, limit: int = 5) -> list[str]:
    """The most telling phrases of the texts against all (`others`): frequent here, rarer elsewhere, longer first."""
    here = phrases(texts, known)
    scored = {
        phrase: count * (1 + 0.7 * phrase.count(" ")) / (1 + 0.5 * max(0, others[phrase] - count))
        for phrase, count in here.items()
        if count >= 2
    }
    chosen: list[str] = []
    stemmed: list[set[str]] = []
    for phrase in sorted(scored, key=lambda phrase: (-scored[phrase], phrase)):
        parts = {known.stem(word) for word in phrase.split()}
        if not any(parts & before for before in stemmed):
            chosen.append(phrase)
            stemmed.append(parts)
        if len(chosen) == limit:
            break
    return chosen
