"""Trust only falls by itself. What an agent leaves is worth no more than what it rests on; a person's merge may raise
it, and the proposal says so.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

from aios.domain.event import Change
from aios.domain.finding import Finding, Severity
from aios.domain.loose import listed, mappings
from aios.domain.memory import Hit
from aios.domain.names import MEMORY
from aios.domain.record import Document, Trust, ref_of
from aios.domain.tree import Tree
from aios.domain.trust import SOURCES, is_better, trust_of
from aios.policies.facts import TRUST_RAISED
from aios.store.documents import parse
from aios.store.trees import OverlayTree

COPIED = 12  # words in a row that two texts do not share by chance
ASKED = 60  # words of a note by which memory is asked whose they are
LIKE = 12  # passages of memory that are compared with it

_WORD = re.compile(r"\w+")

# (tree, words) → passages of memory like them
Alike = Callable[[Tree, str], Sequence[Hit]]
# path → its texts before the last, as the branch had them
Earlier = Callable[[str], Sequence[bytes]]


def agent_findings(
    files: Mapping[str, str | None], before: Tree, seen: Collection[str], *, by_model: bool
) -> list[Finding]:
    """What is wrong with the trust of the notes that an agent leaves.

    No note may be worth more than the notes and sources that it names. An agent that is a model's whole work
    (`by_model`) may moreover raise the trust of none, and put no words of a less trusted file that it has `seen` into
    it.
    """
    after = OverlayTree(before, {path: None if text is None else text.encode() for path, text in files.items()})
    gone = [path for path, text in files.items() if text is None]
    findings = []
    for path, text in files.items():
        document = _document(after, path) if text is not None and path.startswith(MEMORY) else None
        if document is None:
            continue
        findings += _above_its_grounds(document, before, after)
        if by_model:
            findings += _raised(document, _document(before, path))
            findings += _copied(document, before, [*seen, *gone])
    return findings


def raised_by_merging(
    changes: Sequence[Change], before: Tree, after: Tree, alike: Alike, earlier: Earlier = lambda _: ()
) -> list[Finding]:
    """Where merging these changes raises trust: of a record or note, of what a note rests on, or of words it copies.

    What a person raised on the branch, after an agent had written it, counts as well.
    Warnings: it is the merging person's to say whose words they are.
    """
    findings: list[Finding] = []
    for change in changes:
        document = _document(after, change.path) if change.after else None
        if document is None:
            continue
        olds = [_document(before, change.renamed_from or change.path)]
        olds += [parse(change.path, content)[0] for content in earlier(change.path)]
        found = [finding for old in olds for finding in _raised(document, old)][:1]
        if not found and document.path.startswith(MEMORY):
            found = _above_its_grounds(document, before, after)
            if not found and trust_of(document.path, document.data) is not Trust.EXTERNAL:
                words = " ".join(_WORD.findall(document.body or "")[:ASKED])
                found = list(_copied(document, before, [hit.path for hit in alike(before, words)[:LIKE]]))
        findings += found
    return [_warning(finding) for finding in findings]


def _raised(document: Document, old: Document | None) -> Iterator[Finding]:
    if old is None:
        return
    was, now = trust_of(old.path, old.data), trust_of(document.path, document.data)
    if is_better(now, was):
        yield _finding(document, f"merging raises {ref_of(document.path)} from {was} to {now}")


def _above_its_grounds(document: Document, before: Tree, after: Tree) -> list[Finding]:
    """A note that names files less trusted than itself; the worst of them is told. What it named before is no news."""
    now = trust_of(document.path, document.data)
    old = _document(before, document.path)
    known = _named(old.data) if old and not is_better(now, trust_of(old.path, old.data)) else []
    named = [path for path in _named(document.data) if path not in known]
    grounds = [each for path in named if (each := _document(after, path) or _document(before, path))]
    below = [(trust_of(each.path, each.data), each.path) for each in grounds if each.path != document.path]
    worse = [(trust, path) for trust, path in below if is_better(now, trust)]
    if not worse:
        return []
    trust, path = max(worse, key=lambda each: (each[0] is Trust.EXTERNAL, each[1]))
    told = f"merging raises what {ref_of(document.path)} rests on ({ref_of(path)}) from {trust} to {now}"
    return [_finding(document, told)]


def _copied(document: Document, before: Tree, others: Collection[str]) -> Iterator[Finding]:
    """Words in a row that come from a less trusted file, and that the note did not hold before."""
    now = trust_of(document.path, document.data)
    old = _document(before, document.path)
    mine = _rows(document.body) - (_rows(old.body) if old else set())
    for path in dict.fromkeys(others) if mine else ():
        other = _document(before, path) if path != document.path else None
        if other is None or not path.startswith((MEMORY, SOURCES)):
            continue
        trust = trust_of(path, other.data)
        if is_better(now, trust) and mine & _rows(other.body):
            words = f"words of {ref_of(path)} in {ref_of(document.path)}"
            yield _finding(document, f"merging raises {words} from {trust} to {now}")
            return


def _rows(text: str | None) -> set[tuple[str, ...]]:
    words = _WORD.findall((text or "").casefold())
    return {tuple(words[start : start + COPIED]) for start in range(len(words) - COPIED + 1)}


def _named(data: Mapping[str, Any]) -> list[str]:
    """The notes and sources that a note says it rests on, as paths. What it folds stands for what these rest on."""
    named = listed(data.get("folds"))
    if not named:
        named = listed(data.get("source")) + [place.get("source") for place in mappings(data.get("x-passages"))]
    found = []
    for each in map(str, named):
        path = each if each.startswith((MEMORY, SOURCES)) else f"state/{each}"
        path = path if path.endswith(".md") else f"{path}.md"
        if path.startswith((MEMORY, SOURCES)):
            found.append(path)
    return list(dict.fromkeys(found))


def _document(tree: Tree, path: str) -> Document | None:
    content = tree.read(path) if path.endswith((".md", ".yaml")) else None
    return parse(path, content)[0] if content is not None else None


def _finding(document: Document, message: str) -> Finding:
    hint = "write `trust: external` where words come from outside; only a person's merge makes more of them"
    place = document.position(("trust",)) if "trust" in document.data else (0, 0)
    return Finding(document.path, *place, TRUST_RAISED, message, hint)


def _warning(finding: Finding) -> Finding:
    hint = "merge only where these words are yours to stand behind; mend `trust` on the branch otherwise"
    return Finding(finding.path, finding.line, finding.column, TRUST_RAISED, finding.message, hint, Severity.WARNING)
