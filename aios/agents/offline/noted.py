"""What a note says, passage by passage, with the line where each stands and the place it was noted from.

A research note quotes: its passages are its quotations, and the line behind each says where from. A summary in prose
has its sentences, each with a footnote. A note of another sort has its paragraphs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from aios.agents.offline.front import load

LABEL = re.compile(r"\[\^([\w-]+)\](?!:)")
DEFINITION = re.compile(r"^\[\^([\w-]+)\]:\s*(.*)$")
FOLDED = "Folded: "
_OURS = ("#", FOLDED, "(")  # headings, and what summaries say of themselves
_CITED = re.compile(r"(.+?)((?:\[\^[\w-]+\])+)\s*", re.DOTALL)
_ATTRIBUTED = re.compile(r"^— .*?\((.*)\)$", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Told:
    """`text` is on one line and without marks of its own, `line` is one of the file, `origin` may be empty."""

    text: str
    line: int
    origin: str = ""


@dataclass(frozen=True, slots=True)
class Block:
    text: str
    line: int


def told_by(text: str) -> list[Told]:
    """The passages of a note's file, in their order."""
    found = blocks(text)
    footnotes = definitions(found)
    quoted = any(block.text.startswith(">") for block in found)
    passages: list[Told] = []
    for number, block in enumerate(found):
        if block.text.startswith(">"):
            behind = found[number + 1].text if number + 1 < len(found) else ""
            origin = _ATTRIBUTED.match(behind)
            passages.append(Told(_bare(block.text), block.line, _flat(origin[1]) if origin else ""))
        elif LABEL.search(block.text) and not DEFINITION.match(block.text):
            passages += _cited(block, footnotes)
        elif not quoted and not footnotes and not block.text.startswith((*_OURS, "—", "[^")):
            passages.append(Told(_flat(block.text), block.line))
    return [passage for passage in passages if passage.text]


def blocks(text: str) -> list[Block]:
    """What blank lines part; footnotes one by one. Lines count within the file."""
    _, body, first = load(text)
    found: list[Block] = []
    lines: list[str] = []
    for number, line in enumerate([*body.split("\n"), ""], first):
        if lines and (not line.strip() or DEFINITION.match(line) or _is_heading(line) or _is_heading(lines[-1])):
            found.append(Block("\n".join(lines).strip(), number - len(lines)))
            lines = []
        if line.strip():
            lines.append(line)
    return found


def _is_heading(line: str) -> bool:
    return line.startswith("#")


def definitions(found: list[Block]) -> dict[str, str]:
    """What the footnotes say, by their labels."""
    matches = (DEFINITION.match(_flat(block.text)) for block in found)
    return {match[1]: match[2] for match in matches if match}


def _cited(block: Block, footnotes: dict[str, str]) -> Iterator[Told]:
    """A paragraph's sentences; what no footnote follows is no passage."""
    for match in _CITED.finditer(block.text):
        line = block.line + block.text.count("\n", 0, match.start())
        places = [footnotes.get(label, "") for label in LABEL.findall(match[2])]
        yield Told(_flat(match[1]), line, "; ".join(place for place in places if place))


def _bare(quotation: str) -> str:
    return _flat("\n".join(line.strip().lstrip(">") for line in quotation.split("\n")))


def _flat(text: str) -> str:
    return " ".join(text.split())
