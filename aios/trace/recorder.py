"""What one attempt does, noted line by line while it does it: spans, and every exchange with the outside.

The lines lie in a file from the moment they are written, so that an attempt which is killed has told what it did until
then. Keys and passwords never come here: what is noted are questions and answers, above the place that adds a key.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from aios.domain.event import one_line
from aios.domain.keys import canonical_json, digest, key_of
from aios.domain.span import Span, SpanKind
from aios.errors import AiosError

LIMIT = 16 * 1024 * 1024  # bytes of exchanges of one attempt; what comes after is not recorded, and that is noted
Clock = Callable[[], int]  # nanoseconds since 1970


@dataclass(slots=True)
class Recorder:
    """`seed` makes the spans' ids: the same attempt has the same ids again. Without a `file`, nothing is kept."""

    file: Path | None
    clock: Clock
    seed: str
    parent: str = ""
    limit: int = LIMIT
    _out: IO[str] | None = None
    _open: list[str] = field(default_factory=list)
    _made: int = 0
    _size: int = 0
    _parts: set[str] = field(default_factory=set)

    @contextmanager
    def span(self, kind: SpanKind, name: str, **attributes: Any) -> Iterator[dict[str, Any]]:
        """A span around what happens inside; attributes may be added to the dictionary that it gives."""
        self._made += 1
        own = key_of("span", self.seed, self._made).removeprefix("sha256:")[:16]
        parent = self._open[-1] if self._open else self.parent
        self._open.append(own)
        start, error = self.clock(), ""
        try:
            yield attributes
        except BaseException as problem:
            error = one_line(problem.message if isinstance(problem, AiosError) else repr(problem), 300)
            raise
        finally:
            self._open.pop()
            end = max(start, self.clock())
            self._write({"span": Span(own, parent, kind, name, start, end, error, attributes).as_dict()})

    def add(self, kind: SpanKind, name: str, start: int, **attributes: Any) -> None:
        """A span that began at `start` and is over now, below the one that is open."""
        self._made += 1
        own = key_of("span", self.seed, self._made).removeprefix("sha256:")[:16]
        parent = self._open[-1] if self._open else self.parent
        end = max(start, self.clock())
        self._write({"span": Span(own, parent, kind, name, start, end, attributes=attributes).as_dict()})

    def exchange(self, exchange: Mapping[str, Any]) -> None:
        """Note one exchange with the outside, as JSON."""
        line = {"exchange": dict(exchange)}
        self._size += len(canonical_json(line))
        if self._size <= self.limit:
            self._write(line)
        elif self.limit:
            self._write({"exchange": {"kind": "cut", "limit": self.limit}})
            self.limit = 0

    def part(self, value: Any) -> str:
        """The hash of a part that several exchanges share (a message, a schema); it is noted once."""
        text = canonical_json(value)
        key = digest(text.encode())
        if key not in self._parts and self.file is not None:
            self._parts.add(key)
            self._size += len(text)
            if self._size <= self.limit:
                self._write({"part": key, "value": value})
        return key

    def close(self) -> None:
        if self._out is not None:
            self._out.close()
            self._out = None

    def _write(self, line: Mapping[str, Any]) -> None:
        if self.file is None:
            return
        if self._out is None:
            self._out = self.file.open("a", encoding="utf-8")
        self._out.write(json.dumps(line, ensure_ascii=False, default=str) + "\n")
        self._out.flush()  # to the kernel: a killed process loses nothing of it


def silent() -> Recorder:
    """A recorder that keeps nothing."""
    return Recorder(None, lambda: 0, "")
