"""How memory is doing: what is stale, unused, there twice, contradicting itself, or no longer found."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import combinations
from typing import Any

from aios.domain.finding import Finding, Severity
from aios.domain.record import Record
from aios.domain.tree import Tree
from aios.memory.expiry import FOR_EVER, POLICY, Lifetimes, expires_at, lifetimes
from aios.memory.scope import moment
from aios.runs.remembering import Answered, Recall, answered, golden_queries, warning
from aios.store.catalog import Catalog
from aios.store.documents import parse

ALIKE = 0.8  # share of words that two notes have in common
SHINGLE = 5  # words
SHORTEST = 6  # words of a sentence that is compared with others
MOST = 20  # findings of one sort

_WORD = re.compile(r"\w+")
_NUMBER = re.compile(r"\d[\d.,]*")
_SENTENCE = re.compile(r"(?<=[.!?])\s+|\n+")


@dataclass(frozen=True, slots=True)
class Health:
    """`ages` counts notes by kind and year, `unused` are paths that no run on record used, `golden` the answered
    queries. `findings` say what to look at.
    """

    notes: int
    summaries: int
    ages: Mapping[str, Mapping[str, int]]
    unused: Sequence[str]
    golden: Sequence[Answered]
    findings: Sequence[Finding]

    @property
    def found(self) -> int:
        return sum(bool(each.place) for each in self.golden)

    def as_dict(self) -> dict[str, Any]:
        golden = [{"query": each.golden.query, "place": each.place} for each in self.golden]
        told = {"notes": self.notes, "summaries": self.summaries, "ages": {k: dict(v) for k, v in self.ages.items()}}
        findings = [finding.as_dict() for finding in self.findings]
        return {**told, "unused": list(self.unused), "golden": golden, "findings": findings}


def health(tree: Tree, recall: Recall, *, now: str) -> Health:
    """`recall(tree, query, how many)` is asked only for the golden queries."""
    catalog = Catalog(tree)
    notes = list(catalog.records("note"))
    golden = answered(tree, golden_queries(tree), recall)
    used = {text for run in catalog.records("run") for text in _texts(run.get("reuse"))}
    findings = [
        *_expired(notes, _lifetimes(tree), now),
        *_contradicting_words(notes),
        *_twice(notes),
        *_other_figures(notes),
        *(warning(each) for each in golden if not each.place),
    ]
    return Health(
        notes=len(notes),
        summaries=sum(note.get("kind") == "summary" for note in notes),
        ages=_ages(notes),
        unused=[note.path for note in notes if used and note.path not in used and note.get("kind") != "lesson"],
        golden=golden,
        findings=findings,
    )


def _ages(notes: Iterable[Record]) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for note in notes:
        years = found.setdefault(str(note.get("kind") or "note"), {})
        year = str(note.get("created") or "undated")[:4]
        years[year] = years.get(year, 0) + 1
    return {kind: dict(sorted(years.items())) for kind, years in sorted(found.items())}


def _lifetimes(tree: Tree) -> Lifetimes:
    content = tree.read(POLICY)
    document = parse(POLICY, content)[0] if content is not None else None
    return lifetimes(document.data) if document else FOR_EVER


def _expired(notes: Iterable[Record], lives: Lifetimes, now: str) -> Iterator[Finding]:
    at = moment(now) or 0.0
    for note in notes:
        expires = expires_at(note.data, lives.days(note.path, str(note.get("kind"))))
        if expires is not None and expires < at:
            day = datetime.fromtimestamp(expires, UTC).date()
            hint = "`aios memory compact` folds it away"
            yield _finding(note, "note-expired", f"it expired on {day} and is no longer recalled", hint)


def _contradicting_words(notes: Iterable[Record]) -> Iterator[Finding]:
    rules = [(note, wording) for note in notes if isinstance(wording := note.get("wording"), Mapping)]
    for (one, a), (other, b) in combinations(rules, 2):
        first, second = ((str(w.get("instead_of")).casefold(), str(w.get("write")).casefold()) for w in (a, b))
        if (first[0] == second[0] and first[1] != second[1]) or first == second[::-1]:
            yield _finding(one, "lessons-contradict", f"it says other words than {other.path}", "delete one of them")


def _twice(notes: Sequence[Record]) -> Iterator[Finding]:
    """Notes that say nearly the same. Only those that share a run of words are compared."""
    words = {note.path: _WORD.findall((note.body or "").casefold()) for note in notes}
    by_shingle: dict[tuple[str, ...], list[Record]] = {}
    for note in notes:
        told = words[note.path]
        for start in range(0, max(0, len(told) - SHINGLE + 1), SHINGLE):
            by_shingle.setdefault(tuple(told[start : start + SHINGLE]), []).append(note)
    seen: set[tuple[str, str]] = set()
    for sharing in by_shingle.values():
        for one, other in combinations(sharing[:8], 2):
            pair = (one.path, other.path)
            if one.path == other.path or pair in seen or len(seen) >= MOST * 50:
                continue
            seen.add(pair)
            a, b = set(words[one.path]), set(words[other.path])
            if len(a & b) / len(a | b) >= ALIKE:
                yield _finding(one, "note-twice", f"it says nearly the same as {other.path}", "keep the better one")


def _other_figures(notes: Sequence[Record]) -> Iterator[Finding]:
    """Sentences that are the same but for a number: one of them may be out of date."""
    told: dict[str, tuple[Record, str]] = {}
    count = 0
    for note in sorted(notes, key=lambda note: (str(note.get("created") or ""), note.path)):
        for sentence in _SENTENCE.split(note.body or ""):
            numbers = _NUMBER.findall(sentence)
            if not numbers or len(sentence.split()) < SHORTEST or sentence.startswith(("—", "Folded:", "(")):
                continue
            masked = " ".join(_NUMBER.sub("#", sentence).casefold().split())
            known = told.setdefault(masked, (note, sentence))
            if known[0].path != note.path and _NUMBER.findall(known[1]) != numbers and count < MOST:
                count += 1
                message = f"“{sentence.strip()[:80]}” has other figures in {known[0].path}"
                yield _finding(note, "figures-differ", message, "say in the older one that it is no longer so")


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _texts(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _texts(each)


def _finding(note: Record, rule: str, message: str, hint: str) -> Finding:
    return Finding(note.path, 0, 0, rule, message, hint, Severity.WARNING)
