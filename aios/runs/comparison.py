"""One run beside another: what each took, and what the later one took over, from their records and what they left."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aios.domain.loose import mappings
from aios.domain.names import branch_of, run_record_path
from aios.runs.context import Context
from aios.runs.session import read_state
from aios.store.documents import parse
from aios.store.git import Git
from aios.store.trees import CommitTree

NOTES = "memory/research/"


@dataclass(frozen=True, slots=True)
class Figures:
    """What a run's record counts. `score` is the editor's (0 to 1), `searched` the questions that needed a full search.

    `known` of the `sources` that its plan read were as an earlier plan had read them.
    """

    material: float  # kilobytes read
    words: int
    score: float
    questions: int
    searched: int
    passages: int
    held: int  # of the passages, by notes or pieces of before
    known: int
    sources: int
    grew_from: str
    kept: tuple[str, ...]
    origins: Mapping[str, int]  # earlier notes, with the passages taken over from each

    @property
    def per_100_words(self) -> float:
        return self.material / self.words * 100 if self.words else 0.0


def figures(context: Context, run: str) -> Figures:
    """The figures of a run that was proposed. Zeros where its record does not tell them."""
    git = context.git
    tip = git.rev(branch_of(run)) or git.commit(context.main)
    record = _record(git, tip, run_record_path(run, read_state(git, run, main=context.main).started_at))
    work, reuse = record.get("work") or {}, record.get("reuse") or {}
    passages, questions = reuse.get("passages") or {}, reuse.get("questions") or {}
    piece = _record(git, tip, f"state/{next(iter(work.get('pieces') or ()), '')}.md")
    read, earlier = piece.get("x-read") or {}, _record(git, tip, f"state/content/{piece.get('grew_from')}.md")
    then = earlier.get("x-read") or {}
    return Figures(
        material=work.get("read_kb", 0.0),
        words=work.get("words", 0),
        score=piece.get("score") or 0.0,
        questions=questions.get("asked", 0),
        searched=questions.get("searched", 0),
        passages=passages.get("used", 0),
        held=passages.get("held", 0),
        known=sum(then.get(name) == state for name, state in read.items()),
        sources=len(read),
        grew_from=str(earlier.get("title") or ""),
        kept=tuple(piece.get("kept") or ()),
        origins=_origins(git, tip, run),
    )


def _origins(git: Git, tip: str, run: str) -> dict[str, int]:
    tree = CommitTree(git, tip)
    found: Counter[str] = Counter()
    for path in tree.paths(NOTES):
        document, _ = parse(path, tree.read(path) or b"")
        if document is not None and document.data.get("run") == run:
            entries = mappings(document.data.get("x-passages"))
            found.update(str(entry["held"]) for entry in entries if entry.get("held"))
    return dict(found.most_common())


def _record(git: Git, tip: str, path: str) -> Mapping[str, Any]:
    content = git.read_blob(f"{tip}:{path}")
    document = parse(path, content)[0] if content is not None else None
    return document.data if document else {}
