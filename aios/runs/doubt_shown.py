"""What the operator sees of two notes before they say which of them holds: the sentences that differ, and whence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from aios.domain.event import one_line
from aios.domain.record import Record
from aios.domain.tree import Tree
from aios.domain.wording import counted
from aios.memory.pairs import Pair, pairs
from aios.runs.doubts import about, note_at

SHOWN = 2  # sentences of each note


def evidence(tree: Tree, question: Mapping[str, Any], now: str) -> list[str]:
    """What is to be seen before the question is answered: both notes, with their sentences that differ."""
    notes = [note for path in about(question) if (note := note_at(tree, path))]
    found = [pair for pair in pairs(notes, now=now) if pair.rule == question.get("rule")] if len(notes) == 2 else []
    if not found:
        return [f"{note.path}: it was changed since, and is no longer in doubt" for note in notes]
    pair = found[0] if found[0].first.path == notes[0].path else _turned(found[0])
    lines = []
    for name, note, said in zip(("first", "second"), notes, pair.said, strict=True):
        text = (tree.read(note.path) or b"").decode(errors="replace")
        lines.append(f"{name}: {note.path}:{_line_of(text, said)}, {_origin(note)}")
        lines += [f"  “{one_line(sentence)}”" for sentence in said[:SHOWN]]
        if len(said) > SHOWN:
            lines.append(f"  and {counted(len(said) - SHOWN, 'more sentence')} that the other does not say")
    if pair.shared:
        more = f", and {counted(len(pair.shared) - 1, 'more sentence')}" if len(pair.shared) > 1 else ""
        lines.append(f"both say: “{one_line(pair.shared[0])}”{more}")
    if not any(pair.said):
        lines.append("they are the same word for word")
    return lines


def _turned(pair: Pair) -> Pair:
    return Pair(pair.rule, pair.second, pair.first, (pair.said[1], pair.said[0]), pair.shared)


def _line_of(text: str, said: Sequence[str]) -> int:
    """The line at which the first of the sentences begins; 1 where it is not found on one line."""
    wanted = said[0][:60] if said else ""
    lines = text.splitlines()
    body = next((number for number, line in enumerate(lines[1:], 1) if line == "---"), 0)
    places = (number for number, line in enumerate(lines, 1) if number > body and wanted in " ".join(line.split()))
    return next(places, body + 2) if wanted else body + 2


def _origin(note: Record) -> str:
    trust = str(note.get("trust") or "external")
    made = str(note.get("created") or "no date")[:10]
    sources = note.get("source") or ()
    source = f", from {one_line(str(sources[0]))}" if isinstance(sources, list) and sources else ""
    by = f", by {note.get('run')}" if note.get("run") else ", written by hand"
    return f"{made}, trust {trust}{by}{source}"
