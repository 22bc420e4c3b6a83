"""Tells of every crossing of the boundary: what crossed, where to, how much, with which outcome. Never the content."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

from aios.connectors.sidecars.passing import Passing
from aios.domain.effect import Collected, Effect, Lookup, Outcome
from aios.domain.event import one_line
from aios.domain.keys import canonical_json, key_of
from aios.errors import AiosError, RefusedError, TransientError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Crossing:
    """One call. `did` is read, lookup or act; `key` the effect's; `bytes` those of the payload, or of what a read
    brought in; `outcome` one line (`done`, `found`, `absent`, `unknown`, `not sent`, or the failure)."""

    at: str
    connector: str
    did: str
    capability: str
    target: str
    key: str
    payload_hash: str
    bytes: int
    outcome: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Audit(Passing):
    """`now` gives the moment as ISO 8601; `scrub` takes secrets out of a text."""

    sink: Callable[[Crossing], None]
    now: Callable[[], str]
    scrub: Callable[[str], str]

    def lookup(self, effect: Effect) -> Lookup:
        def said(found: Lookup) -> str:
            return "found" if found.found else "absent" if found.authoritative else "unknown"

        return self._tell("lookup", effect, lambda: self.inner.lookup(effect), said)

    def act(self, effect: Effect) -> Outcome:
        return self._tell("act", effect, lambda: self.inner.act(effect), lambda out: "done" if out.sent else "not sent")

    def read(self, capability: str, params: Mapping[str, Any]) -> Collected:
        asked = Effect(self.name, capability, "", params)

        def said(found: Collected) -> str:
            return f"done: {len(found.documents)} documents, {len(found.findings)} findings"

        return self._tell("read", asked, lambda: self.inner.read(capability, params), said)

    def _tell(self, did: str, effect: Effect, work: Callable[[], T], said: Callable[[T], str]) -> T:
        at, started = self.now(), time.monotonic()
        outcome, size = "broken off", len(canonical_json(dict(effect.payload)).encode())
        try:
            result = work()
            outcome = said(result)
            if isinstance(result, Collected):
                documents = sum(len(document.text.encode()) for document in result.documents)
                size = documents + len(canonical_json(result.data).encode())
        except AiosError as error:
            kind = "transient" if isinstance(error, TransientError) else "failed"
            kind = "refused" if isinstance(error, RefusedError) else kind
            outcome = f"{kind}: {error.message}"
            raise
        else:
            return result
        finally:
            crossing = Crossing(
                at=at,
                connector=self.name,
                did=did,
                capability=one_line(self.scrub(effect.capability)),
                target=one_line(self.scrub(effect.target)),
                key=effect.key if did != "read" else "",
                payload_hash=key_of(dict(effect.payload)),
                bytes=size,
                outcome=one_line(self.scrub(outcome)),
                seconds=round(time.monotonic() - started, 6),
            )
            self.sink(crossing)


def to_file(path: Path) -> Callable[[Crossing], None]:
    """A sink that appends one line of JSON per crossing; whole lines, whoever else writes."""

    def sink(crossing: Crossing) -> None:
        line = json.dumps(asdict(crossing)) + "\n"  # ASCII: nothing in it ends a line, and all of it can be written
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            os.write(descriptor, line.encode())
        finally:
            os.close(descriptor)

    return sink
