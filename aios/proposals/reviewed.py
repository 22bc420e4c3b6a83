"""What a review tells of a proposal: the types that its sections are made from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from aios.domain.finding import Finding
from aios.domain.keys import key_of
from aios.domain.policy import Verdict
from aios.domain.proposal import PlannedEffect

PREVIEW_LINES = 60


@dataclass(frozen=True, slots=True)
class Overlap:
    """Another open proposal that changes the same records. `earlier` tells that it should be merged before this one,
    for the reason `why`; `url` is where it is shown, empty where it is a branch alone."""

    run: str
    title: str
    refs: Sequence[str]
    earlier: bool
    why: str
    url: str = ""


@dataclass(frozen=True, slots=True)
class Month:
    """What models cost this month when the proposal was made, and what is granted (None: no limit)."""

    usd: float
    tokens: int
    limit_usd: float | None = None
    limit_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Review:
    """What a review tells. `changes` are state changes in words, `evidence` pairs of claim and source.

    `unverified` are sentences that nothing stands behind, `kinds` counts the sentences of each kind. `folds` tells what
    of memory is folded into what, `rewritten` what becomes of the fields of old schema versions, `checks` what was
    looked at and how it came out, `raised` whose trust merging raises. `web` is where the repository is shown (empty:
    nowhere), `places` the file and lines of a source or an unverified sentence; `meanwhile` what main changed since in
    the same records. `context` pairs a step with the key of what it saw, `steps` are those that can be made anew.
    """

    id: str
    run: str
    branch: str
    title: str
    head: str
    base_moved: bool
    effects: Sequence[PlannedEffect]
    verdict: Verdict
    trigger: Mapping[str, Any]
    inputs: Mapping[str, Any]
    goal: str
    tier: str
    confidence: float | None
    findings: Sequence[str | Finding]
    evidence: Sequence[tuple[str, str]]
    unverified: Sequence[str]
    changes: Sequence[str]
    files: Sequence[str]
    reasons: Sequence[str]
    cost: Mapping[str, Any]
    seconds: float
    versions: Sequence[str] = ()
    operator_edits: Sequence[str] = field(default=())
    kinds: Mapping[str, int] = field(default_factory=dict)
    folds: Sequence[str] = ()
    checks: Sequence[str] = ()
    raised: Sequence[str] = ()
    rewritten: Sequence[str] = ()
    web: str = ""
    places: Mapping[str, str] = field(default_factory=dict)
    overlaps: Sequence[Overlap] = ()
    meanwhile: Sequence[str] = ()
    month: Month | None = None
    context: Sequence[tuple[str, str]] = ()
    steps: Sequence[str] = ()
    record: str = ""
    base: str = ""


@dataclass(frozen=True, slots=True)
class Size:
    """How much of each is told: lines of a preview, things of a list, reasons, characters of a line and of a preview
    (0: all)."""

    preview_lines: int = PREVIEW_LINES
    listed: int = 40
    reasons: int = 80
    line: int = 0
    preview: int = 0


def fingerprint(review: Review) -> str:
    """Equal effects and equal files give an equal fingerprint: what finds the same proposal again."""
    return key_of("proposal", review.run, [effect.key for effect in review.effects], review.head).removeprefix(
        "sha256:"
    )[:16]
