"""Checks of what an agent leaves of memory: folded notes are named, and what was found before is found after."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from aios.domain.agent import Contract
from aios.domain.finding import Finding, Severity
from aios.domain.globs import matches
from aios.domain.memory import Hit
from aios.domain.names import MEMORY
from aios.domain.tree import Tree
from aios.domain.wording import counted
from aios.memory.retention import GOLDEN
from aios.store.documents import parse

FOLDED_NAMED = "folded-named"
PLACES_KEPT = "places-kept"
RECALL_HELD = "recall-held"
FIRST = 10  # hits among which an answer must be

# (tree, query, how many) -> hits, best first
Recall = Callable[[Tree, str, int], Sequence[Hit]]


@dataclass(frozen=True, slots=True)
class Golden:
    """A question of the operator's, and the files of which one must be among the first hits."""

    query: str
    expect: tuple[str, ...]
    line: int = 0


@dataclass(frozen=True, slots=True)
class Answered:
    """`place` is the rank of the first expected file among the hits, from 1; 0 where none is."""

    golden: Golden
    place: int


def golden_queries(tree: Tree) -> list[Golden]:
    """The queries of `memory/golden.yaml`; none where there is no such file."""
    content = tree.read(GOLDEN)
    document = parse(GOLDEN, content)[0] if content is not None else None
    found = []
    for number, each in enumerate((document.data.get("queries") or ()) if document else ()):
        if document and isinstance(each, Mapping) and each.get("query"):
            line, _ = document.position(("queries", number))
            found.append(Golden(str(each["query"]), tuple(str(path) for path in each.get("expect") or ()), line))
    return found


def folds_of(tree: Tree) -> dict[str, str]:
    """Folded path → the summary that stands for it; where a summary was folded in turn, the one at the end."""
    direct: dict[str, str] = {}
    for path in tree.paths(MEMORY):
        content = tree.read(path) if path.endswith(".md") else None
        if content is None or b"folds:" not in content:
            continue
        document = parse(path, content)[0]
        for folded in (document.data.get("folds") or ()) if document else ():
            direct[str(folded)] = path
    return direct


def answered(tree: Tree, queries: Sequence[Golden], recall: Recall) -> list[Answered]:
    """Where each query's answer comes up. A folded file is answered by its summary."""
    folds = folds_of(tree)
    found = []
    for golden in queries:
        wanted = {path for each in golden.expect for path in _paths(each, folds)}
        hits = recall(tree, golden.query, FIRST)
        place = next((number for number, hit in enumerate(hits, 1) if hit.path in wanted), 0)
        found.append(Answered(golden, place))
    return found


@dataclass(frozen=True, slots=True)
class Checked:
    """What was looked at, in words with numbers, and what does not hold."""

    told: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()


def memory_checked(
    contract: Contract, files: Mapping[str, str | None], before: Tree, after: Tree, recall: Recall
) -> Checked:
    """The contract's memory invariants on the tree that `files` would leave. Nothing is looked at where no file is."""
    wanted = {invariant.check for invariant in contract.invariants}
    gone = [path for path, text in files.items() if text is None and path.startswith(MEMORY)]
    made = []
    if FOLDED_NAMED in wanted and gone:
        made.append(_named(gone, after))
    if PLACES_KEPT in wanted and gone:
        made.append(_places_kept(gone, before, after))
    if RECALL_HELD in wanted and files:
        made.append(_held(before, after, gone, recall, contract.reads))
    told = tuple(line for each in made for line in each.told)
    return Checked(told, tuple(finding for each in made for finding in each.findings))


def _named(gone: Sequence[str], after: Tree) -> Checked:
    folds = folds_of(after)
    lost = [path for path in gone if path not in folds]
    told = f"names: {len(gone) - len(lost)} of {counted(len(gone), 'folded note')} lead to a summary"
    message = "it would be gone, and no summary names it"
    return Checked((told,), tuple(Finding(path, 0, 0, FOLDED_NAMED, message, "name it under `folds`") for path in lost))


def _places_kept(gone: Sequence[str], before: Tree, after: Tree) -> Checked:
    """Each place (source and offsets) that a folded note tells is told by the summary that stands for it."""
    folds = folds_of(after)
    count, findings = 0, []
    for path in gone:
        noted = _noted(before, path)
        count += len(noted)
        for place in sorted(noted - _noted(after, folds.get(path, ""))):
            message = f"its place {place} would be noted nowhere"
            findings.append(Finding(path, 0, 0, PLACES_KEPT, message, "keep it under `x-passages` of the summary"))
    told = (f"places: {count - len(findings)} of {count} noted in sources are kept",) if count else ()
    return Checked(told, tuple(findings))


def _noted(tree: Tree, path: str) -> set[str]:
    content = tree.read(path) if path else None
    document = parse(path, content)[0] if content is not None else None
    places = document.data.get("x-passages") if document else None
    return {
        f"{place.get('source')}:{place.get('start')}-{place.get('end')}"
        for place in (places if isinstance(places, list) else ())
        if isinstance(place, Mapping)
    }


def _held(before: Tree, after: Tree, gone: Sequence[str], recall: Recall, reads: Sequence[str]) -> Checked:
    """Queries that found their answer before must find it after; the folded notes' own questions are queries too.

    Recall is over what the contract `reads`; how many queries are about something else is told, as they find nothing.
    """
    titles = [Golden(_title(before, path), (path,)) for path in gone]
    told: list[str] = []
    findings: list[Finding] = []
    asked = (("golden queries", golden_queries(before)), ("questions of folded notes", [e for e in titles if e.query]))
    for name, queries in asked:
        then, now = answered(before, queries, recall), answered(after, queries, recall)
        pairs = [(old, new) for old, new in zip(then, now, strict=True) if old.place]
        if queries:
            elsewhere = sum(not any(matches(path, reads) for path in _expected(each, before)) for each in queries)
            beside = f"; {elsewhere} of them are about what is not read here, and cannot change" if elsewhere else ""
            told.append(_recalled(name, len(queries), pairs) + beside)
        findings += [
            Finding(GOLDEN, old.golden.line, 0, RECALL_HELD, _worse(old), "keep the note whole: `importance: 0.9`")
            for old, new in pairs
            if not new.place
        ]
    return Checked(tuple(told), tuple(findings))


def _recalled(name: str, asked: int, pairs: Sequence[tuple[Answered, Answered]]) -> str:
    """How many were found before and are found after, and where in the list of hits on average."""
    still = [(old.place, new.place) for old, new in pairs if new.place]
    told = f"recall: of {asked} {name} {len(pairs)} found their answer before, {len(still)} of these after"
    if not still:
        return told
    then, now = (sum(places) / len(still) for places in zip(*still, strict=True))
    lower = sum(new > old for old, new in still)
    return f"{told}; at place {then:.1f} before and {now:.1f} after on average" + (f", {lower} lower" if lower else "")


def _worse(old: Answered) -> str:
    expected = ", ".join(old.golden.expect)
    return f"“{old.golden.query[:80]}” found {expected} at place {old.place} and would no longer find it"


def _title(tree: Tree, path: str) -> str:
    document = parse(path, tree.read(path) or b"")[0]
    return str(document.data.get("question") or document.data.get("title") or "") if document else ""


def _expected(golden: Golden, tree: Tree) -> set[str]:
    return {path for each in golden.expect for path in known_paths(tree, each)}


def known_paths(tree: Tree, expected: str) -> list[str]:
    """The paths in a tree that a path or ref of a golden query may mean; a folded file's is its summary's."""
    return _paths(expected, folds_of(tree))


def _paths(expected: str, folds: Mapping[str, str]) -> list[str]:
    """The paths that a path or ref of a golden query may mean."""
    given = expected if expected.startswith((MEMORY, "state/")) else f"state/{expected}"
    known = [given, f"{given}.md", f"{given}.yaml"]
    return [*known, *(folds[path] for path in known if path in folds)]


def warning(answer: Answered, *, before: int = 0, on: str = "") -> Finding:
    """A golden query that finds nothing, for reports; `before` is the place at which its answer came then."""
    message = f"“{answer.golden.query[:80]}” does not find {', '.join(answer.golden.expect)} among the first {FIRST}"
    message += f"; on {on} it came at place {before}" if before else ""
    return Finding(
        GOLDEN, answer.golden.line, 0, "golden-query", message, "`aios recall` shows what it finds", Severity.WARNING
    )
