"""The event log, read from commits: deterministic, prefix-stable order; facts from trailers; changes from the raw diff.

Order: along the first-parent chain, oldest first; what a merge brought in comes just before it, in the same manner.
An incremental read from a tip on that chain is therefore exactly the tail of a full read.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from aios.domain.event import Change, Event
from aios.domain.record import ref_of
from aios.store.documents import parse
from aios.store.git import Git
from aios.store.trees import changed_paths

_FORMAT = "%x01%H%x00%P%x00%aI%x00%an%x00%ae%x00%s%x00%b%x00%(trailers:only,unfold)%x00"
_RECORDS = ("state/", "workflows/", "memory/")
ReadBlob = Callable[[str], bytes | None]


def order(parents: dict[str, tuple[str, ...]], tip: str, stop: frozenset[str] = frozenset()) -> list[tuple[str, bool]]:
    """Commits reachable from `tip` (and not in `stop`) with whether each is on the first-parent chain."""
    emitted: set[str] = set(stop)
    result: list[tuple[str, bool]] = []

    def chain(start: str) -> list[str]:
        found = []
        at: str | None = start
        while at is not None and at in parents and at not in emitted:
            found.append(at)
            at = parents[at][0] if parents[at] else None
        return found[::-1]

    work: list[tuple[list[str], int, bool]] = [(chain(tip), 0, True)]
    while work:
        commits, index, main = work.pop()
        while index < len(commits):
            commit = commits[index]
            if commit in emitted:
                index += 1
                continue
            side = next((p for p in parents[commit][1:] if p in parents and p not in emitted), None)
            if side is not None:
                work.append((commits, index, main))
                commits, index, main = chain(side), 0, False
                continue
            emitted.add(commit)
            result.append((commit, main))
            index += 1
    return result


def read_events(git: Git, *, since: str | None = None, until: str = "HEAD", run: str = "") -> Iterator[Event]:
    """Events reachable from `until` and not from `since`, in log order."""
    tip = git.rev(until)
    if tip is None:
        return
    listed = git.text("rev-list", "--parents", tip, *([f"^{since}"] if since else []))
    parents = {words[0]: tuple(words[1:]) for words in (line.split() for line in listed.splitlines())}
    wanted = order(parents, tip)
    if run:
        found = set(
            git.text(
                "rev-list", "--fixed-strings", f"--grep=Aios-Run: {run}", tip, *([f"^{since}"] if since else [])
            ).split()
        )
        wanted = [(commit, main) for commit, main in wanted if commit in found]
    for event in _events(git, wanted):
        if not run or event.trailer("Run") == run:
            yield event


def _events(git: Git, wanted: Sequence[tuple[str, bool]]) -> Iterator[Event]:
    for start in range(0, len(wanted), 2000):
        batch = wanted[start : start + 2000]
        main = dict(batch)
        out = git.run(
            "log",
            "--no-walk=unsorted",
            "--stdin",
            "--raw",
            "-z",
            "--no-abbrev",
            "-M",
            "-m",
            "--first-parent",
            "--root",
            f"--format={_FORMAT}",
            input="\n".join(commit for commit, _ in batch).encode(),
        )
        for block in out.split(b"\x01")[1:]:
            yield _event(block, main)


def _event(block: bytes, main: dict[str, bool]) -> Event:
    head, raw = _split(block)
    commit, parents, at, author, email, subject, body, trailers = (part.decode(errors="replace") for part in head)
    facts: dict[str, list[str]] = {}
    for line in trailers.splitlines():
        name, colon, value = line.partition(":")
        if colon:
            facts.setdefault(name.strip(), []).append(value.strip())
    changes = tuple(_changes(raw))
    types = tuple(facts.get("Aios-Event", ())[-1:]) or _hand(changes)
    records = tuple(facts.get("Aios-Record", ())) or tuple(
        ref_of(c.path) for c in changes if c.path.startswith(_RECORDS)
    )
    return Event(
        commit,
        tuple(parents.split()),
        at,
        author,
        email,
        subject,
        body,
        main.get(commit, False),
        types,
        records,
        facts,
        changes,
    )


def _split(block: bytes) -> tuple[list[bytes], bytes]:
    parts = block.split(b"\0", 8)
    return parts[:8], parts[8] if len(parts) > 8 else b""


def _changes(raw: bytes) -> Iterator[Change]:
    fields = iter(raw.lstrip(b"\n\0").split(b"\0"))
    for field in fields:
        if not field.startswith(b":"):
            continue
        facts = field[1:].decode().split(" ")
        before, after, status = facts[2], facts[3], facts[4]
        path = os.fsdecode(next(fields, b""))
        source = ""
        if status[0] in "RC":
            source, path = path, os.fsdecode(next(fields, b""))
        yield Change(path, before.strip("0") and before, after.strip("0") and after, source if status[0] == "R" else "")


def _hand(changes: Iterable[Change]) -> tuple[str, ...]:
    kinds = tuple(f"record.{_did(change)}" for change in changes if change.path.startswith(_RECORDS))
    return kinds or ("commit",)


def _did(change: Change) -> str:
    if change.renamed_from:
        return "renamed"
    return "created" if not change.before else "updated" if change.after else "deleted"


@dataclass(frozen=True, slots=True)
class LogFilter:
    record: str = ""
    run: str = ""
    actor: str = ""
    type: str = ""
    since: str = ""
    until: str = ""

    def matches(self, event: Event) -> bool:
        return (
            (not self.record or self.record in event.records)
            and (not self.run or event.trailer("Run") == self.run)
            and (not self.actor or event.actor.startswith(self.actor))
            and (not self.type or self.type in event.types)
            and (not self.since or event.at >= self.since)
            and (not self.until or event.at <= self.until)
        )


def newest_events(git: Git, ref: str, wanted: LogFilter, *, limit: int) -> Iterator[Event]:
    """Matching events, newest first."""
    found = [event for event in read_events(git, until=ref, run=wanted.run) if wanted.matches(event)]
    yield from islice(reversed(found), limit)


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field that changed; `field` is dotted, `body` for prose."""

    path: str
    field: str
    before: Any
    after: Any

    def __str__(self) -> str:
        if self.field == "body":
            return f"{ref_of(self.path)}: text {self.before or '–'} → {self.after or '–'}"
        return f"{ref_of(self.path)}: {self.field} {_short(self.before)} → {_short(self.after)}"


def _short(value: Any) -> str:
    text = "–" if value is None else str(value)
    return text if len(text) <= 70 else text[:69] + "…"


def event_between(git: Git, before: str, after: str) -> Event:
    """The difference between two commits as if it were one event."""
    return Event(after, (before,), "", "", "", "", "", True, (), (), {}, tuple(changed_paths(git, before, after)))


def changes_in_words(event: Event, read_blob: ReadBlob) -> list[FieldChange]:
    """What an event changed, field by field."""
    found: list[FieldChange] = []
    for change in event.changes:
        before = _document(change.renamed_from or change.path, change.before, read_blob)
        after = _document(change.path, change.after, read_blob)
        fields = sorted(set(before) | set(after))
        found += [
            FieldChange(change.path, name, before.get(name), after.get(name))
            for name in fields
            if before.get(name) != after.get(name)
        ]
    return found


def _document(path: str, blob: str, read_blob: ReadBlob) -> dict[str, Any]:
    content = read_blob(blob) if blob else None
    if content is None:
        return {}
    document = parse(path, content)[0] if path.endswith((".yaml", ".md")) else None
    if document is None:
        return {"body": f"{len(content)} bytes"}
    words = len(re.findall(r"\w+", document.body or ""))
    return {**document.data, **({"body": f"{words} words"} if document.body is not None else {})}
