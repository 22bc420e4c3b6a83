"""What the run found and decided before this step, for an agent on a model: whole where there is room, else shortened.

The newest matter most: where they do not all fit, the oldest are cut to one line each, then to a count. It is material
like any other: agents wrote it, perhaps from outside text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aios.agents.conversation import CHARS_PER_TOKEN
from aios.domain.agent import Found
from aios.domain.keys import canonical_json

LONGEST = 1_500  # characters of one step's output
LINE = 120


@dataclass(frozen=True, slots=True)
class SoFar:
    """`text` is empty where nothing was before. Counts of steps (or items): given whole, on one line, left out."""

    text: str
    whole: int = 0
    shortened: int = 0
    left_out: int = 0

    def told(self) -> dict[str, Any]:
        return {"given": self.whole, "shortened": self.shortened, "left_out": self.left_out}


def so_far(found: Sequence[Found], room: int) -> SoFar:
    """As much as fits into `room` tokens; `found` comes oldest first."""
    left = room * CHARS_PER_TOKEN
    whole: list[str] = []
    short: list[str] = []
    for number, each in enumerate(reversed(found)):
        full, line = _whole(each), _line(each)
        if len(full) <= left and len(whole) == number:
            whole.insert(0, full)
            left -= len(full)
        elif len(line) <= left:
            short.insert(0, line)
            left -= len(line)
        else:
            break
    gone = len(found) - len(whole) - len(short)
    lines = [*([f"({gone} earlier results are left out)"] if gone else []), *short, *whole]
    return SoFar("\n".join(lines) if whole or short else "", len(whole), len(short), gone)


def _whole(found: Found) -> str:
    return f"{_name(found)}: {_cut(_text(found.output), LONGEST)}"


def _line(found: Found) -> str:
    output = found.output
    fields = f"gave {', '.join(sorted(output))}" if isinstance(output, Mapping) else _text(output)
    return f"{_name(found)}: {_cut(fields, LINE)}"


def _name(found: Found) -> str:
    return found.step if found.item is None else f"{found.step}[{found.item + 1}]"


def _text(output: Any) -> str:
    return output if isinstance(output, str) else canonical_json(output)


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
