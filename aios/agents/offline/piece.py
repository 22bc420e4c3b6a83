"""A piece under construction: body, footnotes and evidence grow together, so that they cannot part."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from aios.agents.evidence import CONNECTIVE, QUOTE, RECORD, Sentence, definition, unbroken
from aios.agents.offline.material import Source
from aios.agents.offline.text.passages import Passage, Span
from aios.agents.offline.text.words import count_words

_INDENT = re.compile(r"^[ \t]*")


@dataclass(slots=True)
class Piece:
    """Blocks of the body in order. `words` counts prose and lists, not listings."""

    blocks: list[str] = field(default_factory=list)
    sentences: list[Sentence] = field(default_factory=list)
    footnotes: list[str] = field(default_factory=list)
    words: int = 0

    def heading(self, text: str, *, rule: str, source: str = "", start: int | None = None) -> None:
        self.blocks.append(f"## {text}")
        self.sentences.append(Sentence(text, CONNECTIVE, source=source, start=start, rule=rule))

    def connect(self, *parts: tuple[str, str]) -> None:
        """One paragraph of template sentences: (text, rule) each."""
        self.blocks.append("\n".join(text for text, _ in parts))
        for text, rule in parts:
            self.sentences.append(Sentence(text, CONNECTIVE, rule=rule))
            self.words += count_words(text)

    def keep(self, text: str, *, source: str) -> None:
        """A block that a person wrote, as it stands in the record (`source`)."""
        self.blocks.append(text)
        self.sentences.append(Sentence(text, RECORD, source=source, rule="operator-text"))
        self.words += count_words(text)

    def record(self, text: str, *, source: str, rule: str) -> None:
        self.blocks.append(text)
        self.sentences.append(Sentence(text, RECORD, source=source, rule=rule))
        self.words += count_words(text)

    def say(self, sentences: list[Sentence]) -> None:
        """One paragraph of sentences, each with the mark of its footnote."""
        marked = [f"{each.text}[^{each.footnote}]" if each.footnote else each.text for each in sentences]
        self.blocks.append("\n".join(marked))
        self.sentences += sentences
        self.words += sum(count_words(each.text) for each in sentences)

    def footnote(self, source: Source, start: int, end: int) -> int:
        """A new footnote that leads to a place of the source; its number."""
        number = len(self.footnotes) + 1
        self.footnotes.append(definition(number, source.title, source.body[start:end], source.path, start, end))
        return number

    def quote(self, source: Source, passages: list[tuple[Passage, str]]) -> None:
        """Passages of one source (each with the note that brought it), a footnote each.

        Plain prose if it is the operator's, else one block quotation.
        """
        blocks: list[str] = []
        for passage, note in passages:
            number = len(self.footnotes) + 1
            first = source.body[passage.spans[0].start : passage.spans[0].end]
            self.footnotes.append(definition(number, source.title, first, source.path, passage.start, passage.end))
            for paragraph, marked in _paragraphs(passage):
                blocks.append(self._render(source, paragraph, number if marked else None, number, note))
        if not source.own:
            blocks = ["\n".join(f"> {line}".rstrip() for line in block.split("\n")) for block in blocks]
        self.blocks.append(("\n\n" if source.own else "\n>\n").join(blocks))

    def _render(self, source: Source, spans: list[Span], mark: int | None, number: int, note: str) -> str:
        lines = []
        for span in spans:
            raw = source.body[span.start : span.end]
            text = unbroken(raw) if span.kind == "sentence" else _outdented(raw)
            rule = "" if source.own else "block-quotation"
            self.sentences.append(
                Sentence(text, QUOTE, number, source.path, span.start, span.end, rule or f"own-{span.kind}", note)
            )
            if span.kind != "code":
                self.words += count_words(text)
            lines.append(text)
        reference = f"[^{mark}]" if mark else ""
        return "\n".join(lines) + reference

    def body(self) -> str:
        """The Markdown: blocks, then the footnotes."""
        parts = [*self.blocks, "\n".join(self.footnotes)] if self.footnotes else self.blocks
        return "\n\n".join(parts) + "\n"


def _paragraphs(passage: Passage) -> Iterator[tuple[list[Span], bool]]:
    """The passage's spans by block, and whether the footnote's mark stands behind it: the last that is not code."""
    groups: list[list[Span]] = []
    for span in passage.spans:
        if groups and groups[-1][-1].block == span.block:
            groups[-1].append(span)
        else:
            groups.append([span])
    last = max((index for index, group in enumerate(groups) if group[0].kind != "code"), default=0)
    for index, group in enumerate(groups):
        yield group, index == last


def _outdented(text: str) -> str:
    """A listing or list moved to the left margin as a whole; trailing blanks at line ends dropped."""
    lines = [line.rstrip() for line in text.split("\n")]
    margin = min((len(_INDENT.match(line).group()) for line in lines if line), default=0)  # type: ignore[union-attr]
    return "\n".join(line[margin:] for line in lines)
