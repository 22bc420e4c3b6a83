"""What an agent call was given to think with, and what it was not: the context manifest. Pure.

The manifest is what a run's `Aios-Context` hash stands for. It names passages by place and blob, never by text, so that
it stays small and says nothing that the tree does not.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from aios.domain.keys import key_of
from aios.domain.memory import Hit
from aios.domain.record import Trust

CHARS_PER_TOKEN = 4  # a rule of thumb for English, on the safe side for prose


def tokens(text: str) -> int:
    """About how many tokens a model would count."""
    return -(-len(text) // CHARS_PER_TOKEN)


def fit(hits: Sequence[Hit], budget: int) -> list[Hit]:
    """The hits, in their order, that fit into `budget` tokens together; one that does not is passed over."""
    fitting: list[Hit] = []
    for hit in hits:
        if tokens(hit.text) <= budget:
            budget -= tokens(hit.text)
            fitting.append(hit)
    return fitting


def manifest(hits: Sequence[Hit], used: Collection[Hit], budget: int) -> Mapping[str, Any]:
    """What was recalled (`hits`, best first), what of it went in (`used`), what was left out and why.

    `{"budget", "tokens", "trust", "used": [part], "left_out": [part with "because"]}`, a part being `{"at":
    "path:start-end", "blob", "why", "trust", "tokens"}`. `trust` is that of the least trusted part that went in. Equal
    arguments give an equal manifest.
    """
    inside = set(used)
    spent = sum(tokens(hit.text) for hit in inside)
    left_out = []
    for hit in hits:
        if hit not in inside:
            over = spent + tokens(hit.text) > budget
            left_out.append({**_part(hit), "because": "did not fit into the budget" if over else "was not needed"})
    return {
        "budget": budget,
        "tokens": spent,
        "trust": least(hit.trust for hit in inside).value,
        "used": [_part(hit) for hit in hits if hit in inside],
        "left_out": left_out,
    }


def hash_of(found: Mapping[str, Any]) -> str:
    """The manifest's key, for `Aios-Context`."""
    return key_of("context", found)


def least(trusts: Iterable[Trust]) -> Trust:
    """The trust of something made of parts: external where any part is, then derived, then the operator's own."""
    present = set(trusts)
    return next((trust for trust in (Trust.EXTERNAL, Trust.DERIVED) if trust in present), Trust.OPERATOR)


def _part(hit: Hit) -> dict[str, Any]:
    return {
        "at": f"{hit.path}:{hit.start}-{hit.end}",
        "blob": hit.blob,
        "why": hit.why,
        "trust": hit.trust.value,
        "tokens": tokens(hit.text),
    }
