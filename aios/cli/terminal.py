"""What a terminal would obey, or hide, is shown for what it is: nothing we print moves a cursor or turns a line.

The colours of our own are let through; what strangers wrote can hold no others. `rich` makes its own, from texts that
were made harmless before, and is given the stream below.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO

from aios.domain.unseen import with_unseen_shown

_STYLE = re.compile(r"(\x1b\[(?:0|1|2|22|3[1-6]|9[0-7])m)")  # as click makes them


class Shown:
    """A text stream through which only harmless characters go."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def write(self, text: str) -> int:
        parts = _STYLE.split(text)  # every second one is a style
        parts[::2] = map(with_unseen_shown, parts[::2])
        self.stream.write("".join(parts))
        return len(text)

    def writelines(self, lines: list[str]) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


@contextmanager
def harmless_output() -> Iterator[None]:
    """Let everything that is printed go through `Shown`."""
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = Shown(before[0]), Shown(before[1])
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before


def as_it_is() -> TextIO:
    """Standard output without that, for data that a program reads and for `rich`."""
    return sys.stdout.stream if isinstance(sys.stdout, Shown) else sys.stdout
