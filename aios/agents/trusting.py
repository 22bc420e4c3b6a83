"""Whose words a file says it holds: what a model writes is never the operator's, whatever it says of itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from aios.agents.offline.front import load, load_yaml
from aios.domain.record import Trust


def forged_trust(files: Mapping[str, str | None], before: Callable[[str], str | None]) -> Iterator[str]:
    """What is wrong with the marks of trust of a model's files; `before` gives a file as it stands.

    A record of the operator's that is only changed may stay marked as theirs: they see the change.
    """
    for path, text in files.items():
        if text is None or not path.endswith((".md", ".yaml")):
            continue
        marked = _marked(path, text)
        unmarked = path.startswith("state/") and not marked  # there it would count as the operator's
        if marked != Trust.OPERATOR and not unmarked:
            continue
        old = before(path)
        if old is None or _marked(path, old) not in ("", Trust.OPERATOR):
            told = (
                "is not marked with its trust"
                if unmarked
                else "says `trust: operator`, which only their own words have"
            )
            yield f"{path} {told}: write `trust: external` where it rests on texts from outside, else `trust: derived`"


def _marked(path: str, text: str) -> str:
    data = load(text)[0] if path.endswith(".md") else load_yaml(text)
    return str(data.get("trust") or "")
