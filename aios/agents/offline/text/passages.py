"""Passages: the coherent pieces of a source that may be quoted.

A passage is a run of good sentences of one paragraph, together with what they announce (the code or the list after a
colon) and, where the next paragraph leans on it, with that one too. It never starts with a sentence that leans on
something left out, never ends with an announcement of something left out, never holds half a listing.
"""

from __future__ import annotations

from dataclasses import dataclass

from aios.agents.offline.text.blocks import Block, BlockKind, blocks
from aios.agents.offline.text.language import Language
from aios.agents.offline.text.quality import dangles, fault
from aios.agents.offline.text.sentences import ends_openly, sentences
from aios.agents.offline.text.words import count_words

CODE_LINES = 22
LIST_WORDS = 130
LONGEST = 130  # words of prose in a passage
SHORTEST = 12  # words, unless a listing or a list comes along
ILLUSTRATION_LINES = 16


@dataclass(frozen=True, slots=True)
class Span:
    """One sentence (or a whole code block or list) as offsets into the source's body. `block` numbers its block."""

    start: int
    end: int
    kind: str  # sentence | code | list
    block: int


@dataclass(frozen=True, slots=True)
class Passage:
    """`trail` are the headings above it, `heading_at` the offset of the nearest (-1 for none); `words` of prose."""

    spans: tuple[Span, ...]
    trail: tuple[str, ...]
    heading_at: int
    words: int
    opening: bool  # the first paragraph under its heading

    @property
    def start(self) -> int:
        return self.spans[0].start

    @property
    def end(self) -> int:
        return self.spans[-1].end

    @property
    def has_code(self) -> bool:
        return any(span.kind == "code" for span in self.spans)


def passages(body: str, language: Language, *, own: bool = False) -> tuple[Passage, ...]:
    """All quotable passages of a body, in order. `own`: the operator's text."""
    found: list[Passage] = []
    every = blocks(body)
    heading_at = -1
    opening = True
    attached = -1
    for index, block in enumerate(every):
        if block.kind is BlockKind.HEADING:
            heading_at, opening = block.start, True
            continue
        if block.kind is not BlockKind.PARAGRAPH or index <= attached:
            continue
        following = every[index + 1] if index + 1 < len(every) else None
        spans, taken = _of_paragraph(body, index, block, following, own=own)
        if not spans:
            opening = False
            continue
        leans = dangles(body[spans[0].start : spans[0].end], language)
        previous = found[-1] if found else None
        if leans:
            whole = spans[0].start == block.start
            joins = previous is not None and whole and previous.spans[-1].block == index - 1
            words = _words(body, spans)
            if joins and previous is not None and previous.words + words <= LONGEST:
                found[-1] = Passage(
                    previous.spans + spans,
                    previous.trail,
                    previous.heading_at,
                    previous.words + words,
                    previous.opening,
                )
                attached = index + 1 if taken else index
                continue
            spans = _from_first_standing(body, spans, language)
        words = _words(body, spans)
        if spans and words >= (SHORTEST if spans[-1].kind == "sentence" else SHORTEST // 2):
            found.append(Passage(spans, block.trail, heading_at, words, opening))
            attached = index + 1 if spans[-1].kind != "sentence" else index
        opening = False
    return tuple(found)


def _of_paragraph(
    body: str, index: int, block: Block, following: Block | None, *, own: bool
) -> tuple[tuple[Span, ...], bool]:
    """The good sentences of a paragraph, with the block they announce or the short listing right behind them.

    With them: whether such a block comes along.
    """
    text = body[block.start : block.end]
    places = sentences(text)
    extra = _announced(body, index + 1, following)
    spans: list[Span] = []
    for number, (start, end) in enumerate(places):
        sentence = text[start:end]
        last = number == len(places) - 1
        introduces = last and extra is not None and ends_openly(sentence)
        if not fault(sentence, introduces=introduces, own=own):
            spans.append(Span(block.start + start, block.start + end, "sentence", index))
            if introduces and extra is not None:
                return (*_last_run(text, spans, block.start), extra), True
            if last and extra is not None and extra.kind == "code" and not ends_openly(sentence):
                kept = _longest_run(text, spans, block.start)
                fits = body.count("\n", extra.start, extra.end) < ILLUSTRATION_LINES
                if fits and kept and kept[-1] is spans[-1]:
                    return (*kept, extra), True
    return _longest_run(text, spans, block.start), False


def _longest_run(text: str, spans: list[Span], offset: int) -> tuple[Span, ...]:
    """The longest run of neighbouring sentences: what a refused sentence parts stays parted."""
    runs: list[list[Span]] = []
    for span in spans:
        if runs and not text[runs[-1][-1].end - offset : span.start - offset].strip():
            runs[-1].append(span)
        else:
            runs.append([span])
    best = max(runs, key=lambda run: run[-1].end - run[0].start, default=[])
    total = 0
    kept: list[Span] = []
    for span in best:
        total += count_words(text[span.start - offset : span.end - offset])
        if kept and total > LONGEST:
            break
        kept.append(span)
    while kept and text[kept[-1].end - offset - 1] == "?":
        kept.pop()  # a question at the end would stay unanswered
    return tuple(kept)


def _last_run(text: str, spans: list[Span], offset: int) -> tuple[Span, ...]:
    """The neighbouring sentences that lead up to the last one."""
    first = len(spans) - 1
    while first and not text[spans[first - 1].end - offset : spans[first].start - offset].strip():
        first -= 1
    return tuple(spans[first:])


def _announced(body: str, index: int, block: Block | None) -> Span | None:
    """A code block or list that is fit to be quoted whole."""
    if block is None:
        return None
    text = body[block.start : block.end]
    if block.kind is BlockKind.CODE:
        lines = text.splitlines()
        if len(lines) <= CODE_LINES and len(lines) > 1 and max(map(len, lines)) <= 110 and "…" not in text:
            return Span(block.start, block.end, "code", index)
    if block.kind is BlockKind.LIST and count_words(text) <= LIST_WORDS and _good_list(text):
        return Span(block.start, block.end, "list", index)
    return None


def _good_list(text: str) -> bool:
    """No nested blocks, no leftovers; items need not be sentences."""
    if "\n\n" in text.replace("\n \n", "\n\n") and any(line.startswith("    ") for line in text.splitlines()):
        return False
    if "```" in text or "\n\n\n" in text:
        return False
    items = [line.strip() for line in text.splitlines() if line.strip()]
    refused = {"leftover-markup", "boilerplate", "version-note", "points-elsewhere", "unbalanced", "chatter", "order"}
    joined = " ".join(item.lstrip("-*+0123456789.) ") for item in items)
    return len(items) > 1 and fault(f"These are {joined}.".replace("..", ".")) not in refused


def _from_first_standing(body: str, spans: tuple[Span, ...], language: Language) -> tuple[Span, ...]:
    """Drop the leading sentences that lean on what is not quoted."""
    for index, span in enumerate(spans):
        if span.kind == "sentence" and not dangles(body[span.start : span.end], language):
            return spans[index:]
    return ()


def _words(body: str, spans: tuple[Span, ...]) -> int:
    return sum(count_words(body[span.start : span.end]) for span in spans if span.kind != "code")
