"""Which of the researched passages go into the piece, and how much of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from aios.agents.offline.material import Source
from aios.agents.offline.text.language import Language
from aios.agents.offline.text.passages import Passage
from aios.agents.offline.text.sentences import ends_openly
from aios.agents.offline.text.similarity import containment, jaccard, shingles
from aios.agents.offline.text.words import count_words, stems

SHORTEST_SECTION = 110
CODE_LINES = 34  # in a section
ALL_CODE_LINES = 130
SAME = 0.4
INSIDE = 0.7


@dataclass(frozen=True, slots=True)
class Pick:
    """A passage with its source, the note that brought it and the source's heading above it."""

    source: Source
    passage: Passage
    note: str
    heading: str


@dataclass(frozen=True, slots=True)
class Chosen:
    sections: tuple[list[Pick], ...]


def select(
    offered: Sequence[Sequence[Pick]],
    known: Language,
    *,
    words: int,
    wanted: Sequence[str] = (),
    unwanted: Sequence[str] = (),
) -> Chosen:
    """Fill each section up to its share of the words, best first; nothing twice, listings within bounds.

    A section with little to say leaves its words to the others.
    """
    have = [sum(pick.passage.words for pick in picks) for picks in offered]
    shares = _shares(have, words, least=min(SHORTEST_SECTION, words // 6))
    seen: list[frozenset[tuple[str, ...]]] = []
    lines_left = ALL_CODE_LINES
    found: list[list[Pick]] = []
    for place, (picks, share) in enumerate(zip(offered, shares, strict=True)):
        chosen: list[Pick] = []
        total, lines = 0, min(CODE_LINES, lines_left - CODE_LINES // 2 * (len(offered) - place - 1))
        for pick in _by_wish(picks, known, wanted, unwanted):
            fitted = _fit(pick, lines)
            if fitted is None or (chosen and total + fitted.passage.words > 1.2 * share):
                continue
            mark = shingles(_prose(fitted), known)
            if any(jaccard(mark, other) >= SAME or containment(mark, other) >= INSIDE for other in seen):
                continue
            seen.append(mark)
            chosen.append(fitted)
            total += fitted.passage.words
            used = _code_lines(fitted)
            lines, lines_left = lines - used, lines_left - used
            if total >= share:
                break
        found.append(chosen)
    return Chosen(tuple(found))


def _shares(have: Sequence[int], words: int, *, least: int) -> list[int]:
    """Equal shares; what a section cannot use goes to those that can."""
    shares = [0] * len(have)
    open_ = [index for index, amount in enumerate(have) if amount]
    left = words
    while open_:
        share = max(least, left // len(open_))
        short = [index for index in open_ if have[index] <= share]
        for index in short or open_:
            shares[index] = min(have[index], share)
            left -= shares[index]
        if not short:
            break
        open_ = [index for index in open_ if index not in short]
    return shares


def _by_wish(picks: Sequence[Pick], known: Language, wanted: Sequence[str], unwanted: Sequence[str]) -> list[Pick]:
    more = set(stems(" ".join(wanted), known))
    less = set(stems(" ".join(unwanted), known))
    if not more and not less:
        return list(picks)

    def wish(pick: Pick) -> int:
        said = set(stems(f"{pick.heading} {_prose(pick)}", known))
        return len(said & less) - len(said & more)

    return sorted(picks, key=wish)


def _fit(pick: Pick, lines: int) -> Pick | None:
    """The passage with as much code as fits: a listing that does not goes, with what announced it and what follows."""
    spans = pick.passage.spans
    used = 0
    for index, span in enumerate(spans):
        if span.kind != "code":
            continue
        used += pick.source.body.count("\n", span.start, span.end) + 1
        if used > lines:
            announced = ends_openly(pick.source.body[spans[index - 1].start : spans[index - 1].end])
            spans = spans[: index - 1 if announced else index]
            break
    if spans == pick.passage.spans:
        return pick
    words = sum(count_words(pick.source.body[span.start : span.end]) for span in spans if span.kind != "code")
    return replace(pick, passage=replace(pick.passage, spans=spans, words=words)) if spans and words >= 12 else None


def _prose(pick: Pick) -> str:
    return " ".join(pick.source.body[span.start : span.end] for span in pick.passage.spans if span.kind != "code")


def _code_lines(pick: Pick) -> int:
    return sum(
        pick.source.body.count("\n", span.start, span.end) + 1 for span in pick.passage.spans if span.kind == "code"
    )
