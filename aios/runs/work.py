"""What a run took until it was decided on, and what it took over from earlier work: counted, never claimed.

Everything is read off the log (attempts and their models' usage), the spans (time), the context manifests (what each
attempt saw) and the files that the run left, compared with those that were there before it. What an agent says of
itself counts for nothing. Work behind a gate (publishing, measuring) is left out: a run that was published a week ago
has done more of it than today's, and the two would not compare.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from aios.domain.event import Event
from aios.domain.front_matter import split
from aios.domain.span import Span, SpanKind
from aios.domain.tree import Tree
from aios.runs.history import APPROVED, CANCELLED, REJECTED, fact_of_event
from aios.runs.reuse import Attempted, reused
from aios.runs.session import events_of
from aios.runs.traces import manifest_of, spans_of
from aios.store.git import Git
from aios.store.trees import CommitTree

CONTENT = "state/content/"
_DECIDED = frozenset({APPROVED, REJECTED, CANCELLED})
_LISTING = re.compile(r"(?ms)^(```|~~~).*?^\1[ \t]*$")
_FOOTNOTE = re.compile(r"(?m)^\[\^[^\]]+\]:.*$")
_WORD = re.compile(r"\w+(?:['’\-]\w+)*")


def measured(git: Git, run: str, base: str, tree: Tree, *, main: str) -> dict[str, Any]:
    """`work` and `reuse` for the run record. `tree` is what the run leaves; `base` the commit that it began on."""
    attempts = [_attempted(git, run, event) for event in _until_decided(events_of(git, run, main=main))]
    written = sorted({path for each in attempts for path in each.fact.paths})
    pieces = [path for path in written if path.startswith(CONTENT) and tree.read(path) is not None]
    before = CommitTree(git, base)
    work = {
        **_time(spans_of(git, run), {each.fact.step for each in attempts}),
        "attempts": len(attempts),
        **_models(attempts),
        "read_kb": _read(attempts, tree),
        "pieces": [path.removeprefix("state/").removesuffix(".md") for path in pieces],
        "words": sum(words_of(_text(tree, path)) for path in pieces),
    }
    return {"work": work, "reuse": reused(attempts, written, tree, before)}


def words_of(text: str) -> int:
    """Words of a piece's prose: neither its front matter nor listings nor footnotes."""
    return len(_WORD.findall(_FOOTNOTE.sub("", _LISTING.sub("", split(text)[1]))))


def _until_decided(events: Iterable[Event]) -> list[Event]:
    """The attempts until the first decision; those that a revision asked for are among them."""
    found: dict[str, Event] = {}
    for event in events:
        if event.type in _DECIDED:
            break
        if event.trailer("Step") and event.trailer("Status") not in {"", "skipped"}:
            found.setdefault(event.commit, event)
    return list(found.values())


def _attempted(git: Git, run: str, event: Event) -> Attempted:
    told = manifest_of(git, run, event.trailer("Context")) or {}
    saw = told.get("manifest")
    return Attempted(fact_of_event(event), saw if isinstance(saw, Mapping) else {})


def _time(spans: Iterable[Span], steps: set[str]) -> dict[str, float]:
    """Seconds of all attempts one after the other, and as the clock on the wall saw them; nothing without spans."""
    taken = sorted(
        (span.start, span.end)
        for span in spans
        if span.kind is SpanKind.STEP and span.attributes.get("aios.step") in steps
    )
    if not taken:
        return {}
    wall, reached = 0, 0
    for start, end in taken:
        wall += max(0, end - max(start, reached))
        reached = max(reached, end)
    return {"seconds": round(sum(end - start for start, end in taken) / 1e9, 3), "wall": round(wall / 1e9, 3)}


def _models(attempts: Sequence[Attempted]) -> dict[str, Any]:
    """What language models cost, and what answers kept from before spared."""
    totals: dict[str, float] = {}
    for each in attempts:
        for name, amount in each.fact.usage.items():
            if isinstance(amount, int | float) and not isinstance(amount, bool):
                totals[name] = totals.get(name, 0) + amount
    return {
        "usd": round(totals.get("usd", 0.0), 6),
        "tokens": {"input": int(totals.get("input", 0)), "output": int(totals.get("output", 0))},
        "calls": int(totals.get("calls", 0) - totals.get("hits", 0)),
        **({"unpriced": True} if any(each.fact.usage.get("unpriced") for each in attempts) else {}),
        "avoided": {"calls": int(totals.get("hits", 0)), "usd": round(totals.get("saved_usd", 0.0), 6)},
    }


def _read(attempts: Iterable[Attempted], tree: Tree) -> float:
    """Kilobytes of sources and notes that agents read, each as often as an attempt read it; front matter where that was
    all that was read of one.

    Records that are only looked through (is there a piece on this already?) are not material.
    """
    sizes: dict[tuple[str, str], int] = {}
    total = 0
    for each in attempts:
        whole = set(each.seen("read"))
        parts = [("read", path) for path in whole] + [("fronts", path) for path in set(each.seen("fronts")) - whole]
        for part in parts:
            if part not in sizes:
                sizes[part] = _size(tree, *part) if _is_material(part[1]) else 0
            total += sizes[part]
    return round(total / 1024, 1)


def _size(tree: Tree, how: str, path: str) -> int:
    content = tree.read(path) or b""
    return len(split(content.decode(errors="replace"))[0].encode()) if how == "fronts" else len(content)


def _is_material(path: str) -> bool:
    return path.startswith(("state/sources/", "memory/"))


def _text(tree: Tree, path: str) -> str:
    return (tree.read(path) or b"").decode(errors="replace")
