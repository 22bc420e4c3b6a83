"""What the sentences of changed pieces stand on: for the review of a proposal, and for the policies that judge it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from aios.agents.checks import align
from aios.agents.evidence import QUOTE, SUPPORTED, UNVERIFIED, Sentence, evidence_path
from aios.agents.evidence import parse as sentences_of
from aios.domain.front_matter import split
from aios.domain.tree import Tree

_PIECES, _PROOFS = "state/content/", "state/evidence/"


@dataclass(frozen=True, slots=True)
class Standing:
    """`cited` pairs a sentence with its place; `unverified` are sentences with file, line and reason.

    `kinds` counts sentences by kind, headings left out. What the operator took out or rewrote counts no more.
    `lines` gives the file and line (`path#L3`) of each unverified sentence.
    """

    cited: Sequence[tuple[str, str]]
    unverified: Sequence[str]
    kinds: Mapping[str, int]
    lines: Mapping[str, str] = field(default_factory=dict)


def standing(tree: Tree, paths: Sequence[str]) -> Standing:
    """Of all pieces that these paths belong to, as they are in the tree."""
    cited: list[tuple[str, str]] = []
    unverified: list[str] = []
    kinds: Counter[str] = Counter()
    lines: dict[str, str] = {}
    for path in _pieces(paths):
        for line, sentence in _sentences(tree, path):
            if sentence.rule.startswith("heading-of-"):
                continue
            kinds[sentence.kind] += 1
            if sentence.kind in {QUOTE, SUPPORTED}:
                cited.append((sentence.text[:120], f"{sentence.source}:{sentence.start}-{sentence.end}"))
            elif sentence.kind == UNVERIFIED:
                why = sentence.rule or "nothing stands behind it"
                unverified.append(f"{sentence.text[:160]} ({path}:{line}: {why})")
                lines[unverified[-1]] = f"{path}#L{line}"
    return Standing(cited, unverified, dict(kinds), lines)


def _pieces(paths: Sequence[str]) -> list[str]:
    """The pieces that the paths are, or are the evidence of."""
    named = (path.replace(_PROOFS, _PIECES, 1).removesuffix(".yaml").removesuffix(".md") for path in paths if _is(path))
    return list(dict.fromkeys(f"{name}.md" for name in named))


def _is(path: str) -> bool:
    return path.startswith((_PIECES, _PROOFS)) and path.endswith((".md", ".yaml"))


def _sentences(tree: Tree, path: str) -> Iterator[tuple[int, Sentence]]:
    """(line in the file, sentence) of what the evidence tells and the piece still holds, in its order."""
    text, proof = tree.read(path), tree.read(evidence_path(path))
    if text is None or proof is None:
        return
    _, body, first = split(text.decode(errors="replace"))
    for line, item in align(body, sentences_of(proof.decode(errors="replace"))[1]):
        if isinstance(item, Sentence):
            yield first + line, item
