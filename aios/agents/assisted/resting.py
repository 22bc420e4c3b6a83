"""Which of the passages that a sentence names it rests on. One footnote leads to one place: one must say all of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from aios.agents.assisted.support import doubt
from aios.agents.offline.text.language import Language


def rests_on(
    sentence: str, named: Sequence[str], texts: Mapping[str, str], known: Language, names: Collection[str] = ()
) -> tuple[str, str]:
    """(what is wrong, the passage that says all of it). `texts` are the passages by id, `names` need no support.

    Nothing is wrong with a sentence that names no passage and claims nothing: it rests on none.
    """
    unknown = [name for name in named if name not in texts]
    if unknown:
        return f"there is no passage {unknown[0][:20]}", ""
    problem = doubt(sentence, [texts[name] for name in named], known, names)
    whole = next((name for name in named if not doubt(sentence, [texts[name]], known, names)), "")
    if named and not whole:
        return problem or "no single passage that it names says all of it", ""
    return problem, whole
