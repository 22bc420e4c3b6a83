"""Attempts that have not ended: what they have done so far, read from the files that they write."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from aios.domain.keys import key_of
from aios.domain.span import Span, SpanKind, root_id
from aios.runs.context import Context
from aios.runs.traces import folder_of, read_lines
from aios.store.journal import last_owner
from aios.store.runlog import journal_path
from aios.trace.outline import OPEN

_FINISHED = "spans.part"  # spans of attempts that ended, waiting to be committed
INTERRUPTED = "interrupted"


def unfinished_spans(context: Context, run: str, now: int) -> list[Span]:
    """A step for every attempt that has not ended, and the spans that ended within it. `aios.status` tells whether it
    is at work (`running`: it has lasted until now) or was killed (`interrupted`: nobody knows when).
    """
    folder = folder_of(context.git, run)
    files = sorted(file for file in folder.glob("*.part") if file.name != _FINISHED) if folder.is_dir() else []
    at_work = bool(files) and _at_work(context, run)
    return [span for file in files for span in _attempt(run, file, now if at_work else 0)]


def _at_work(context: Context, run: str) -> bool:
    owner = last_owner(journal_path(context.git, run.split("/")[2]))
    return owner > 0 and context.alive(f"{context.worker.rpartition(':')[0]}:{owner}") is not False


def _attempt(run: str, file: Path, now: int) -> list[Span]:
    """The attempt's spans; one that was killed (`now` is 0) is told as far as is known."""
    read = (Span.read(line.get("span")) for line in read_lines(_bytes(file)))
    inner = [span for span in read if span is not None]
    if not inner:
        return []
    own = key_of("span", run, "unfinished", file.name).removeprefix("sha256:")[:16]
    name, attributes = _slot(file.name.removesuffix(".part"))
    attributes |= {OPEN: True, "aios.status": "running"} if now else {"aios.status": INTERRUPTED}
    start, end = min(span.start for span in inner), max(now, *(span.end for span in inner))
    kind = SpanKind.EFFECT if name.startswith("effect.") else SpanKind.STEP
    step = Span(own, root_id(run), kind, name.removeprefix("effect."), start, end, "", attributes)
    return [step, *_below(own, inner)]


def _bytes(file: Path) -> bytes:
    """Nothing, where the attempt ended just now."""
    try:
        return file.read_bytes()
    except FileNotFoundError:
        return b""


def _below(own: str, inner: Sequence[Span]) -> list[Span]:
    """An agent that is at work has no span yet: what it did hangs under the attempt."""
    known = {span.id for span in inner}
    return [span if span.parent in known else replace(span, parent=own) for span in inner]


def _slot(name: str) -> tuple[str, dict[str, Any]]:
    """The step and the attempt that a file's name tells: `<step>[.<item>].<attempt>.<generation>`."""
    step, *numbers = name.split(".") if not name.startswith("effect.") else (name,)
    attributes: dict[str, Any] = {"aios.step": step.removeprefix("effect.")}
    told = [int(each) for each in numbers if each.isdigit()]
    if len(told) == 3:
        attributes["aios.item"] = told[0]
        step = f"{step}[{told[0] + 1}]"
    if len(told) >= 2:
        attributes["aios.attempt"] = told[-2]
    return step, attributes
