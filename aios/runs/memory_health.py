"""How memory is doing: what is stale, never recalled, in doubt, or no longer found as well as it was."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from aios.domain.finding import Finding, Severity
from aios.domain.keys import digest
from aios.domain.loose import listed, mappings
from aios.domain.names import MEMORY
from aios.domain.record import Record
from aios.domain.tree import Tree
from aios.memory.expiry import Lifetimes, expires_at
from aios.memory.lifetimes import lifetimes_of
from aios.memory.pairs import CONTRADICT, FIGURES, TWICE, Pair, holds, pairs
from aios.memory.scope import SUMMARY, moment
from aios.runs.compacting import due_now, policy_findings
from aios.runs.context import Context
from aios.runs.doubts import question_on
from aios.runs.recall_quality import Quality, quality, quality_before
from aios.runs.recalled import Recalled, recalled_notes
from aios.runs.remembering import Recall, folds_of, warning
from aios.store.catalog import Catalog
from aios.store.documents import parse
from aios.store.trees import CommitTree

MOST = 20  # findings of one sort

_REF = re.compile(r"(?:state/|memory/)?[a-z0-9-]+/[a-z0-9/-]+(?:\.md|\.yaml)?")
_DOUBT = {
    CONTRADICT: "it says the opposite of {}",
    TWICE: "it says nearly the same as {}",
    FIGURES: "it has other figures than {}",
}
_HINT = {"open": "`aios inbox` asks which of them holds", "": "`aios memory health --ask` puts it to you"}


@dataclass(frozen=True, slots=True)
class Health:
    """`ages` counts notes by kind and year. `never` are paths of notes that no agent recalled since the first run on
    record, on `since` (empty where there is none). `now` and `before` are the quality of recall. `doubts` are the pairs
    of notes in doubt, those left out that were settled; `due` is how many notes the policy lets be folded. `findings`
    say what to look at.
    """

    notes: int
    summaries: int
    ages: Mapping[str, Mapping[str, int]]
    recalled: Recalled
    never: Sequence[str]
    since: str
    now: Quality
    before: Quality
    doubts: Sequence[Pair]
    due: int
    findings: Sequence[Finding]

    def as_dict(self) -> dict[str, Any]:
        return {
            "notes": self.notes,
            "summaries": self.summaries,
            "ages": {kind: dict(years) for kind, years in self.ages.items()},
            "recalled": {"since": self.since, "calls": self.recalled.calls, "never": list(self.never)},
            "golden": {"now": self.now.as_dict(), "before": self.before.as_dict()},
            "doubts": [{"rule": pair.rule, "notes": list(pair.paths)} for pair in self.doubts],
            "due": self.due,
            "findings": [finding.as_dict() for finding in self.findings],
        }


def health(context: Context, recall: Recall, recall_past: Recall) -> Health:
    """Of main as it is. `recall(tree, query, how many)` is asked only for the golden queries, `recall_past` likewise of
    main as it was. Raises InvalidError where the company has no archivist that can be read.
    """
    tree, at = CommitTree(context.git, context.main), context.now()
    catalog = Catalog(tree)
    notes = catalog.records("note")
    runs = sorted(started for run in catalog.records("run") if (started := str(run.get("started") or "")))
    recalled = recalled_notes(context.git)
    now = quality(tree, recall, at=at[:10])
    before = quality_before(context, [each.golden for each in now.answered], recall_past)
    asked = [(pair, question_on(tree, pair.paths)) for pair in pairs(notes, now=at)]
    doubts = [(pair, question) for pair, question in asked if question.get("status") != "answered"]
    findings = [
        *policy_findings(tree),
        *_expired(notes, lifetimes_of(tree), at),
        *_gone_sources(tree, notes, at),
        *(_doubt(pair, question, at) for pair, question in doubts[:MOST]),
        *(
            warning(each, before=before.place_of(each.golden.query), on=before.at)
            for each in now.answered
            if not each.place
        ),
    ]
    return Health(
        notes=len(notes),
        summaries=sum(note.get("kind") == SUMMARY for note in notes),
        ages=_ages(notes),
        recalled=recalled,
        never=[note.path for note in notes if _could_be_met(note, runs, at) and note.path not in recalled.notes],
        since=runs[0][:10] if runs else "",
        now=now,
        before=before,
        doubts=[pair for pair, _ in doubts],
        due=sum(len(group.notes) for group in due_now(context, catalog)),
        findings=findings,
    )


def _could_be_met(note: Record, runs: Sequence[str], now: str) -> bool:
    """Was it there for a run to recall? A choice of words is heeded without being recalled."""
    return (
        bool(runs) and holds(note.data, now) and not note.get("wording") and str(note.get("created") or "") < runs[-1]
    )


def _ages(notes: Iterable[Record]) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for note in notes:
        years = found.setdefault(str(note.get("kind") or "note"), {})
        year = str(note.get("created") or "undated")[:4]
        years[year] = years.get(year, 0) + 1
    return {kind: dict(sorted(years.items())) for kind, years in sorted(found.items())}


def _expired(notes: Iterable[Record], lives: Lifetimes, now: str) -> Iterator[Finding]:
    at = moment(now) or 0.0
    for note in notes:
        if note.get("replaced_by"):
            continue
        expires = expires_at(note.data, lives.days(note.path, str(note.get("kind"))))
        if expires is not None and expires < at:
            day = datetime.fromtimestamp(expires, UTC).date()
            hint = "`aios memory compact` folds it away"
            yield _finding(note, "note-expired", f"it expired on {day} and is no longer recalled", hint)


def _gone_sources(tree: Tree, notes: Iterable[Record], now: str) -> Iterator[Finding]:
    """Notes whose source is not there any more, or no longer says what they quote."""
    folds = folds_of(tree)
    bodies: dict[str, str] = {}
    count = 0
    for note in notes:
        wrong = next(_wrong_with(note, tree, folds, bodies), None) if holds(note.data, now) else None
        if wrong and count < MOST:
            count += 1
            yield _finding(note, *wrong)


def _wrong_with(
    note: Record, tree: Tree, folds: Mapping[str, str], bodies: dict[str, str]
) -> Iterator[tuple[str, str, str]]:
    """Rule, message and hint."""
    for ref in map(str, listed(note.get("source"))):
        if _REF.fullmatch(ref) and not ref.startswith("runs/") and not _is_there(tree, ref, folds):
            yield (
                "source-gone",
                f"{ref} is not there any more",
                "say in the note that it rests on nothing, or delete it",
            )
    for passage in mappings(note.get("x-passages")):
        start, end = passage.get("start"), passage.get("end")
        if not passage.get("sha256") or not isinstance(start, int) or not isinstance(end, int):
            continue
        source = str(passage.get("source"))
        if source not in bodies:
            bodies[source] = _body(tree, source)
        if digest(bodies[source][start:end].encode()) != passage["sha256"]:
            said = f"{source} no longer says what it quotes from {start}–{end}"
            yield "source-changed", said, "the next research on it reads the source anew; this note is not relied on"


def _is_there(tree: Tree, ref: str, folds: Mapping[str, str]) -> bool:
    base = ref if ref.startswith(("state/", MEMORY)) else f"state/{ref}"
    return any(tree.blob(path) is not None or path in folds for path in (base, f"{base}.md", f"{base}.yaml"))


def _body(tree: Tree, path: str) -> str:
    content = tree.read(path)
    document = parse(path, content)[0] if content is not None else None
    return (document.body or "") if document else ""


def _doubt(pair: Pair, question: Mapping[str, Any], now: str) -> Finding:
    later = str(question.get("not_before") or "")
    hint = _HINT[str(question.get("status") or "")] if later <= now else f"you said not now: it is asked from {later}"
    return _finding(pair.second, pair.rule, _DOUBT[pair.rule].format(pair.first.path), hint)


def _finding(note: Record, rule: str, message: str, hint: str) -> Finding:
    return Finding(note.path, 0, 0, rule, message, hint, Severity.WARNING)
