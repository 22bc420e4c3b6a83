"""A passage: what recall gives back. Apart from the cutting, so that a search need not load it."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b


@dataclass(frozen=True, slots=True)
class Passage:
    """`line` counts from 1 within the body; `heading` is the path of headings above, joined with ` › `."""

    start: int
    end: int
    line: int
    heading: str
    text: str
    speaker: str = ""


def whole(title: str, passage: Passage) -> str:
    """What has a place in the space of meaning: a paragraph with what is written above it, or what somebody says.

    The title of a conversation says little of any one turn.
    """
    text = passage.text.replace("**", "")
    if passage.speaker:
        return text
    return f"{title} › {passage.heading}\n{text}" if passage.heading else f"{title}\n{text}"


def key_of(text: str) -> int:
    """The name of a text among vectors: a hash of 64 bits, signed as SQLite wants it."""
    return int.from_bytes(blake2b(text.encode(errors="surrogatepass"), digest_size=8).digest(), "big", signed=True)
