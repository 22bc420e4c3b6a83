"""Cutting a Markdown body into passages: paragraphs under one heading, packed up to about 120 words.

A passage is an exact slice of the body: `body[start:end] == text`. Passages never overlap and come in order. Headings
are kept beside the passages, not in them; footnote definitions are left out, for they repeat what a source says. A
thematic break (`* * *`) ends a passage, and in a conversation each turn is one: a paragraph that starts with who says
it (`**Ines:** …`, `Ines Baum (2026-03-02): …`), where most paragraphs of the section do.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from aios.memory.passage import Passage

WORDS = 120  # at most, unless a single word is longer than the limit below
LONGEST_WORD = 2_000  # characters; what looks like one longer word (data, minified code) is cut

_WORD = re.compile(rf"\S{{1,{LONGEST_WORD}}}")
_HEADING = re.compile(r" {0,3}(#{1,6})(?:[ \t]+(.*?))?(?:[ \t]+#+)?[ \t]*\r?$")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_UNDERLINE = re.compile(r" {0,3}(=+|-{2,})[ \t]*\r?$")
_FOOTNOTE = re.compile(r" {0,3}\[\^[^\]]+\]:")
_BREAK = re.compile(r" {0,3}(?:(?:\*[ \t]*){3,}|(?:_[ \t]*){3,}|(?:-[ \t]*){3,})\r?$")
_TURN = re.compile(
    r"(?:\*\*(?P<bold>[^\W\d_][^*:\n]{0,60}?)(?:\*\*[ \t]*(?:\([^)\n]{1,40}\))?:|:\*\*)"
    r"|(?P<plain>[^\W\d_][\w.'’-]*(?: [^\W\d_][\w.'’-]*){0,2})(?: \([^)\n]{1,40}\))?:)(?=\s|$)"
)
_SENTENCE_END = re.compile(r"[.!?…][\"'”’)\]]*\s+|\n")


@dataclass(frozen=True, slots=True)
class _Block:
    start: int
    end: int
    line: int
    words: int
    speaker: str = ""
    breaks: bool = False  # a passage ends before it


def passages(body: str) -> list[Passage]:
    """All passages of a body; where it holds nothing but headings or footnotes, these."""
    found: list[Passage] = []
    for heading, blocks in _sections(body):
        found += _packed(body, heading, _as_turns(body, _parted(body, blocks)))
    if not found and body.strip():
        start, _ = _trimmed(body, 0, len(body))
        found += _packed(body, "", [_block(body, 0, len(body), body.count("\n", 0, start) + 1)])
    return found


def _parted(body: str, blocks: list[_Block]) -> list[_Block]:
    """Blocks without thematic breaks; those behind one start a passage."""
    parted: list[_Block] = []
    breaks = False
    for block in blocks:
        if _BREAK.match(body, block.start, block.end):
            breaks = True
        else:
            parted.append(replace(block, breaks=True) if breaks else block)
            breaks = False
    return parted


def _as_turns(body: str, blocks: list[_Block]) -> list[_Block]:
    """Blocks with who speaks, where most of a section's paragraphs say so; one that does not goes on with the last."""
    marks = [_TURN.match(body, block.start, block.end) for block in blocks]
    if sum(mark is not None for mark in marks) * 2 <= len(blocks) or len(blocks) < 2:
        return blocks
    turns: list[_Block] = []
    speaker = ""
    for block, mark in zip(blocks, marks, strict=True):
        speaker = (mark["bold"] or mark["plain"]) if mark else speaker
        turns.append(replace(block, speaker=speaker, breaks=block.breaks or bool(mark)))
    return turns


def _packed(body: str, heading: str, blocks: list[_Block]) -> Iterator[Passage]:
    pieces = [piece for block in blocks for piece in _split(body, block)]
    group: list[_Block] = []
    words = 0
    for piece in [*pieces, None]:
        if group and (piece is None or piece.breaks or words + piece.words > WORDS):
            start, end = group[0].start, group[-1].end
            yield Passage(start, end, group[0].line, heading, body[start:end], group[0].speaker)
            group, words = [], 0
        if piece is not None:
            group.append(piece)
            words += piece.words


def _split(body: str, block: _Block) -> list[_Block]:
    """The block itself, or its sentences (or runs of words) where it is too long for one passage."""
    if block.words <= WORDS:
        return [block]
    ends = [match.end() for match in _SENTENCE_END.finditer(body, block.start, block.end)]
    pieces: list[_Block] = []
    start = block.start
    for end in [*ends, block.end]:
        words = list(_WORD.finditer(body, start, end))
        for index in range(0, len(words), WORDS):
            part = words[index : index + WORDS]
            first, last = part[0].start(), part[-1].end()
            line = block.line + body.count("\n", block.start, first)
            pieces.append(_Block(first, last, line, len(part), block.speaker, block.breaks and not pieces))
        start = end
    return pieces


def _sections(body: str) -> Iterator[tuple[str, list[_Block]]]:
    """Heading path and blocks of each section, in order."""
    trail: list[tuple[int, str]] = []
    blocks: list[_Block] = []
    for kind, block in _blocks(body):
        if kind == 0:
            blocks.append(block)
            continue
        if blocks:
            yield _path(trail), blocks
        blocks = []
        trail = [entry for entry in trail if entry[0] < kind]
        trail.append((kind, _heading_text(body[block.start : block.end])))
    if blocks:
        yield _path(trail), blocks


def _blocks(body: str) -> Iterator[tuple[int, _Block]]:
    """(heading level or 0, block) in order; blank lines and footnote definitions are left out."""
    open_at: tuple[int, int] | None = None  # offset and line of the paragraph being read
    fence = ""
    offset = 0
    end = 0
    for number, line in enumerate(body.split("\n"), 1):
        begin, offset = offset, offset + len(line) + 1
        marker = _FENCE.match(line)
        if fence:
            end = begin + len(line)
            if marker and marker[1].startswith(fence) and not line.strip().strip(fence[0]):
                fence = ""
            continue
        level = 0
        if marker:
            fence = marker[1]
        elif heading := _HEADING.match(line):
            level = len(heading[1])
        elif open_at and (underline := _UNDERLINE.match(line)) and open_at[1] == number - 1:
            yield (1 if underline[1][0] == "=" else 2), _block(body, open_at[0], end, open_at[1])
            open_at = None
            continue
        if (level or not line.strip()) and open_at:
            yield from _paragraph(body, open_at, end)
            open_at = None
        if level:
            yield level, _block(body, begin, begin + len(line), number)
        elif line.strip():
            open_at = open_at or (begin, number)
            end = begin + len(line)
    if open_at:
        yield from _paragraph(body, open_at, end)


def _paragraph(body: str, open_at: tuple[int, int], end: int) -> Iterator[tuple[int, _Block]]:
    if not _FOOTNOTE.match(body, open_at[0]):
        yield 0, _block(body, open_at[0], end, open_at[1])


def _block(body: str, start: int, end: int, line: int) -> _Block:
    start, end = _trimmed(body, start, end)
    return _Block(start, end, line, sum(1 for _ in _WORD.finditer(body, start, end)))


def _trimmed(body: str, start: int, end: int) -> tuple[int, int]:
    text = body[start:end]
    return start + len(text) - len(text.lstrip()), end - (len(text) - len(text.rstrip()))


def _heading_text(line: str) -> str:
    match = _HEADING.match(line)
    return ((match[2] or "") if match else line).strip()


def _path(trail: list[tuple[int, str]]) -> str:
    return " › ".join(text for _, text in trail if text)
