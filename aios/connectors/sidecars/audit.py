"""Tells of every crossing of the boundary: what crossed, where to, how much, with which outcome. Never the content."""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from aios.connectors.sidecars.passing import Passing
from aios.domain.effect import Collected, Effect, Lookup, Outcome
from aios.domain.event import one_line
from aios.domain.keys import canonical_json, key_of
from aios.errors import AiosError, CredentialsError, RefusedError, TransientError

T = TypeVar("T")
LARGEST = 2 * 1024 * 1024  # bytes, some 6,000 crossings; as many again are in the older file


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
            kind = "denied" if isinstance(error, CredentialsError) else kind
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


def by_connector(folder: Path) -> Callable[[Crossing], None]:
    """A sink with a file for each connector, so that a busy one does not push out what is known of the others."""
    return lambda crossing: to_file(folder / f"{crossing.connector}.jsonl")(crossing)


def to_file(path: Path) -> Callable[[Crossing], None]:
    """A sink that appends one line of JSON per crossing; whole lines, whoever else writes.

    A file that has grown to `LARGEST` becomes the older one, which is replaced: what is kept stays small for ever.
    """

    def sink(crossing: Crossing) -> None:
        line = json.dumps(asdict(crossing)) + "\n"  # ASCII: nothing in it ends a line, and all of it can be written
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = _opened(path)
        try:
            size = os.fstat(descriptor).st_size
            # A process that was killed, or a full disk, may have left half a line: this one begins a line of its own.
            torn = size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"
            os.write(descriptor, f"\n{line}".encode() if torn else line.encode())
            if size + len(line) > LARGEST:
                path.replace(_older(path))
        finally:
            os.close(descriptor)

    return sink


def crossings_of(folder: Path, connector: str) -> Iterator[Crossing]:
    """What is known of a connector's crossings, oldest first; what is no crossing is passed over."""
    path = folder / f"{connector}.jsonl"
    for file in (_older(path), path):
        try:
            lines = file.read_text(errors="replace").splitlines()
        except FileNotFoundError:
            continue
        for line in lines:
            try:
                crossing = Crossing(**json.loads(line))
                datetime.fromisoformat(crossing.at)
            except (ValueError, TypeError):
                continue
            yield crossing


def _older(path: Path) -> Path:
    return path.with_suffix(".older.jsonl")


def _opened(path: Path) -> int:
    """The file, locked. It is opened again where another process has put it aside meanwhile."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        try:
            if os.path.samestat(os.fstat(descriptor), path.stat()):
                return descriptor
        except FileNotFoundError:
            pass
        os.close(descriptor)
