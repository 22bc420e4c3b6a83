"""What the run found and decided before this step, for an agent on a model: whole where there is room, else summarized.

Decisions come before details. First every step has its line: what the operator said to it, and its short values (a
record's id, a score, yes or no). What room is left gives details back, the newest first: a summary that keeps the first
sentence of long texts and the number of things in lists, then the whole output. Only where even the lines do not fit
are results left out, of a fan-out's items before single steps, the oldest first; they are named. The same results give
the same text.

It is material like any other: agents wrote it, perhaps from outside text. Agents without a model read what the steps
before left in the run's tree, whole, and have no room to watch.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from aios.agents.conversation import CHARS_PER_TOKEN
from aios.domain.agent import Found
from aios.domain.keys import canonical_json
from aios.domain.wording import counted

LONGEST = 1_500  # characters of one step's output given whole
SUMMARY = 500  # of its summary
LINE = 160  # of its line
SHORT = 80  # of a value that is a decision rather than a text
NAMED = 160  # characters of the names of what is left out
_SENTENCE_END = re.compile(r"(?<=[.!?…])\s|\n")


@dataclass(frozen=True, slots=True)
class SoFar:
    """`text` is empty where nothing was before. Names of steps (with their items): given whole, summarized, given on
    one line, left out.
    """

    text: str
    whole: Sequence[str] = ()
    summarized: Sequence[str] = ()
    lines: Sequence[str] = ()
    left_out: Sequence[str] = ()

    def told(self) -> dict[str, Any]:
        """For the manifest: how many, and which are not there whole."""
        given = {"summarized": self.summarized, "on_one_line": self.lines, "left_out": self.left_out}
        counts = {"given": len(self.whole), **{name: len(which) for name, which in given.items()}}
        return {**counts, "which": {name: _ranges(which) for name, which in given.items() if which}}


def so_far(found: Sequence[Found], room: int) -> SoFar:
    """As much as fits into `room` tokens; `found` comes oldest first."""
    left = room * CHARS_PER_TOKEN - (NAMED + 40)  # for the line on what is left out
    order = sorted(range(len(found)), key=lambda place: (found[place].item is not None, -place))
    given: dict[int, tuple[int, str]] = {}  # place → (how much of it, text)
    for place in order:
        line = _line(found[place])
        if len(line) + 1 > left:
            break
        given[place] = (0, line)
        left -= len(line) + 1
    for much, form in enumerate((_summary, _whole), start=1):
        for place in sorted(given, reverse=True):
            text, before = form(found[place]), given[place][1]
            if text is not None and len(text) - len(before) <= left:
                left -= len(text) - len(before)
                given[place] = (much, text)
    names = [[_name(found[place]) for place in sorted(given) if given[place][0] == much] for much in range(3)]
    gone = [_name(each) for place, each in enumerate(found) if place not in given]
    said = (
        [f"(left out for want of room: {counted(len(gone), 'result')}, {_cut(_ranges(gone), NAMED)})"] if gone else []
    )
    text = "\n".join([*said, *(given[place][1] for place in sorted(given))]) if given else ""
    return SoFar(text, names[2], names[1], names[0], gone)


def _whole(found: Found) -> str | None:
    """None where it is too long to be given whole."""
    text = f"{_head(found)}{_text(found.output)}"
    return text if len(text) <= LONGEST else None


def _summary(found: Found) -> str:
    output = found.output
    parts = _fields(output) if isinstance(output, Mapping) else iter([_short(output)])
    return _head(found) + _cut("; ".join(parts), SUMMARY)


def _line(found: Found) -> str:
    output = found.output
    if not isinstance(output, Mapping):
        return _cut(_head(found) + _short(output), LINE)
    values = [f"{name} {_text(value)}" for name, value in sorted(output.items()) if _decides(value)]
    return _cut(_head(found) + ("; ".join(values) or f"gave {', '.join(sorted(output))}"), LINE)


def _fields(output: Mapping[str, Any]) -> Iterator[str]:
    """What decides, then the rest, shortened."""
    for name, value in sorted(output.items(), key=lambda field: (not _decides(field[1]), field[0])):
        yield f"{name} {_text(value) if _decides(value) else _short(value)}"


def _decides(value: Any) -> bool:
    return isinstance(value, bool | int | float) or (isinstance(value, str) and 0 < len(value) <= SHORT)


def _short(value: Any) -> str:
    """A text's first sentence, a list's length and first entry, a mapping's names."""
    if isinstance(value, str):
        first = _cut(_SENTENCE_END.split(value.strip(), maxsplit=1)[0], SHORT * 2)
        more = len(value.split()) - len(first.split())
        return f"{first} (and {counted(more, 'word')} more)" if more > 0 else first
    if isinstance(value, list | tuple):
        entries = counted(len(value), "entry", "entries")
        return f"{entries}, the first: {_cut(_text(value[0]), SHORT)}" if value else "nothing"
    if isinstance(value, Mapping):
        return f"with {', '.join(sorted(value))}" if value else "nothing"
    return _text(value)


def _head(found: Found) -> str:
    """The step, and what the operator said to it: that is never a detail."""
    said = "".join(f"the operator said “{_cut(words, SHORT)}”; " for words in found.said)
    return f"{_name(found)}: {said}"


def _name(found: Found) -> str:
    return found.step if found.item is None else f"{found.step}[{found.item + 1}]"


def _ranges(names: Sequence[str]) -> str:
    """`dig[1–3], dig[7], plan`."""
    numbered = [(step, int(rest.rstrip("]") or 0)) for step, _, rest in (name.partition("[") for name in names)]
    parts = []
    for (step, _), group in groupby(enumerate(numbered), key=lambda each: (each[1][0], each[1][1] - each[0])):
        numbers = [number for _, (_, number) in group]
        if not numbers[0]:
            parts.append(step)
        else:
            parts.append(f"{step}[{numbers[0]}{f'–{numbers[-1]}' if len(numbers) > 1 else ''}]")
    return ", ".join(parts)


def _text(output: Any) -> str:
    return output if isinstance(output, str) else canonical_json(output)


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
