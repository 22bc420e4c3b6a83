"""Checks of what an agent leaves of memory: folded notes are named, and what was found before is found after."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from aios.domain.agent import Contract
from aios.domain.finding import Finding, Severity
from aios.domain.memory import Hit
from aios.domain.names import MEMORY
from aios.domain.tree import Tree
from aios.memory.retention import GOLDEN
from aios.store.documents import parse

FOLDED_NAMED = "folded-named"
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


def memory_findings(
    contract: Contract, files: Mapping[str, str | None], before: Tree, after: Tree, recall: Recall
) -> list[Finding]:
    """What of the contract's memory invariants does not hold in the tree that `files` would leave."""
    wanted = {invariant.check for invariant in contract.invariants}
    gone = [path for path, text in files.items() if text is None and path.startswith(MEMORY)]
    findings = []
    if FOLDED_NAMED in wanted and gone:
        named = folds_of(after)
        findings += [
            Finding(path, 0, 0, FOLDED_NAMED, "it would be gone, and no summary names it", "name it under `folds`")
            for path in gone
            if path not in named
        ]
    if RECALL_HELD in wanted and files:
        findings += _lost(before, after, gone, recall)
    return findings


def _lost(before: Tree, after: Tree, gone: Sequence[str], recall: Recall) -> list[Finding]:
    """Queries that found their answer before and would not after; the folded notes' own titles are queries too."""
    titles = [Golden(_title(before, path), (path,)) for path in gone]
    queries = [*golden_queries(before), *(each for each in titles if each.query)]
    then, now = answered(before, queries, recall), answered(after, queries, recall)
    return [
        Finding(GOLDEN, old.golden.line, 0, RECALL_HELD, _worse(old), "keep the note whole: `importance: 0.9`")
        for old, new in zip(then, now, strict=True)
        if old.place and not new.place
    ]


def _worse(old: Answered) -> str:
    expected = ", ".join(old.golden.expect)
    return f"“{old.golden.query[:80]}” found {expected} at place {old.place} and would no longer find it"


def _title(tree: Tree, path: str) -> str:
    document = parse(path, tree.read(path) or b"")[0]
    return str(document.data.get("question") or document.data.get("title") or "") if document else ""


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
