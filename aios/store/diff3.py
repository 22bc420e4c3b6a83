"""Three-way merge of lines.

What one side changed and the other left alone is taken; where both changed the same lines in different ways, a hunk
holds all three versions.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

_LONG = 2000  # lines; above, frequent lines (blank ones) are no anchors, so that time stays bounded


@dataclass(frozen=True, slots=True)
class Hunk:
    """A stretch of the result: `lines` where it is settled; a conflict has None there and the three versions.

    `line` counts from 1: where ours starts.
    """

    lines: tuple[str, ...] | None
    base: tuple[str, ...] = ()
    ours: tuple[str, ...] = ()
    theirs: tuple[str, ...] = ()
    line: int = 0


def merge_lines(base: Sequence[str], ours: Sequence[str], theirs: Sequence[str]) -> list[Hunk]:
    """The hunks whose lines, one after the other, are the merged text."""
    hunks: list[Hunk] = []
    at_base = at_ours = at_theirs = 0
    for start, end, in_ours, in_theirs in _anchors(base, ours, theirs):
        gap = (tuple(base[at_base:start]), tuple(ours[at_ours:in_ours]), tuple(theirs[at_theirs:in_theirs]))
        if any(gap):
            hunks.append(_settled(*gap, at_ours + 1))
        if end > start:
            hunks.append(Hunk(tuple(base[start:end]), line=in_ours + 1))
        length = end - start
        at_base, at_ours, at_theirs = end, in_ours + length, in_theirs + length
    return hunks


def merge_text(base: str, ours: str, theirs: str, *, favour_theirs: bool = False) -> tuple[str, list[Hunk]]:
    """The merged text, in which conflicts are as in ours (or theirs), and the conflicts."""
    if theirs in (ours, base):
        return ours, []
    if base == ours:
        return theirs, []
    hunks = merge_lines(split_lines(base), split_lines(ours), split_lines(theirs))
    parts: list[str] = []
    for hunk in hunks:
        parts += hunk.lines if hunk.lines is not None else hunk.theirs if favour_theirs else hunk.ours
    return _joined(parts), [hunk for hunk in hunks if hunk.lines is None]


def split_lines(text: str) -> list[str]:
    """Lines with their ends, split at line feeds only; nothing but a line feed ends a line of a file."""
    lines = text.split("\n")
    last = lines.pop()
    return [f"{line}\n" for line in lines] + ([last] if last else [])


def matches(before: Sequence[str], after: Sequence[str]) -> Iterator[tuple[int, int, int]]:
    """Runs of equal lines as (start before, start after, length), in order, ending in an empty run at both ends."""
    shortest = min(len(before), len(after))
    head = 0
    while head < shortest and before[head] == after[head]:
        head += 1
    tail = 0
    while tail < shortest - head and before[-1 - tail] == after[-1 - tail]:
        tail += 1
    if head:
        yield 0, 0, head
    inner, other = before[head : len(before) - tail], after[head : len(after) - tail]
    if inner and other:
        matcher = SequenceMatcher(None, inner, other, autojunk=max(len(inner), len(other)) > _LONG)
        for start, into, length in matcher.get_matching_blocks():
            if length:
                yield start + head, into + head, length
    if tail:
        yield len(before) - tail, len(after) - tail, tail
    yield len(before), len(after), 0


def _joined(parts: list[str]) -> str:
    """A last line without its end may have come to stand in the middle."""
    *head, last = parts or [""]
    return "".join(part if part.endswith("\n") else f"{part}\n" for part in head) + last


def _settled(base: tuple[str, ...], ours: tuple[str, ...], theirs: tuple[str, ...], line: int) -> Hunk:
    if ours in (theirs, base):
        return Hunk(theirs, line=line)
    if theirs == base:
        return Hunk(ours, line=line)
    return Hunk(None, base, ours, theirs, line)


def _anchors(base: Sequence[str], ours: Sequence[str], theirs: Sequence[str]) -> Iterator[tuple[int, int, int, int]]:
    """Stretches of base that both sides kept, as (start, end, start in ours, start in theirs); the ends come last."""
    mine, other = list(matches(base, ours)), list(matches(base, theirs))
    left = right = 0
    while left < len(mine) and right < len(other):
        start_ours, in_ours, length_ours = mine[left]
        start_theirs, in_theirs, length_theirs = other[right]
        start = max(start_ours, start_theirs)
        end = min(start_ours + length_ours, start_theirs + length_theirs)
        if start < end:
            yield start, end, in_ours + start - start_ours, in_theirs + start - start_theirs
        if start_ours + length_ours < start_theirs + length_theirs:
            left += 1
        else:
            right += 1
    yield len(base), len(base), len(ours), len(theirs)
