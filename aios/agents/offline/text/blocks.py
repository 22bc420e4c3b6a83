"""The blocks of a Markdown body, with character offsets and the headings above each.

Only the block structure is parsed (markdown-it without inline rules): a megabyte takes a fifth of a second.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from markdown_it import MarkdownIt


class BlockKind(StrEnum):
    HEADING = "heading"
    PARAGRAPH = "paragraph"
    LIST = "list"
    CODE = "code"
    QUOTE = "quote"
    TABLE = "table"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Block:
    """`start`–`end` are offsets into the body, trailing white space excluded; `line` counts from 0 in the body.

    `text` is a heading's text; `trail` the headings above, outermost first (for a heading: without itself).
    """

    kind: BlockKind
    start: int
    end: int
    line: int
    level: int = 0
    text: str = ""
    trail: tuple[str, ...] = ()


_KINDS = {
    "heading_open": BlockKind.HEADING,
    "paragraph_open": BlockKind.PARAGRAPH,
    "bullet_list_open": BlockKind.LIST,
    "ordered_list_open": BlockKind.LIST,
    "fence": BlockKind.CODE,
    "code_block": BlockKind.CODE,
    "blockquote_open": BlockKind.QUOTE,
    "table_open": BlockKind.TABLE,
    "html_block": BlockKind.OTHER,
    "hr": BlockKind.OTHER,
}


@lru_cache(maxsize=1)
def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt  # only where a body is taken apart

    return MarkdownIt("commonmark").enable("table").disable("inline")


def line_starts(body: str) -> list[int]:
    """The offset of each line, and one past the end. Only a line feed ends a line, as in the parser."""
    starts = [0]
    place = body.find("\n")
    while place >= 0:
        starts.append(place + 1)
        place = body.find("\n", place + 1)
    starts.append(len(body))
    return starts


def blocks(body: str) -> tuple[Block, ...]:
    """The top-level blocks in order. Fences of directives (```` ```{note} ````) come out as `other`."""
    starts = line_starts(body)
    tokens = _parser().parse(body)
    found: list[Block] = []
    trail: list[tuple[int, str]] = []
    for index, token in enumerate(tokens):
        kind = _KINDS.get(token.type)
        if kind is None or token.level != 0 or token.map is None:
            continue
        first, last = token.map
        start, end = starts[first], starts[min(last, len(starts) - 1)]
        raw = body[start:end]
        end = start + len(raw.rstrip())
        if kind is BlockKind.PARAGRAPH:
            start += len(raw) - len(raw.lstrip())
        if kind is BlockKind.CODE and token.type == "fence" and token.info.strip().startswith("{"):
            kind = BlockKind.OTHER
        if kind is BlockKind.HEADING:
            level, text = int(token.tag[1]), tokens[index + 1].content.strip()
            while trail and trail[-1][0] >= level:
                trail.pop()
            found.append(Block(kind, start, end, first, level, text, tuple(name for _, name in trail)))
            trail.append((level, text))
        else:
            found.append(Block(kind, start, end, first, trail=tuple(name for _, name in trail)))
    return tuple(found)
