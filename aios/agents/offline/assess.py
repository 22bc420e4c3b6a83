"""What an editor sees in a piece: findings with their lines, and a score from 0 to 1 with its parts."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aios.agents.checks import headings
from aios.agents.evidence import CONNECTIVE, DEFINITION, UNVERIFIED, Sentence
from aios.agents.offline.phrasing import DESCRIPTION
from aios.agents.offline.text.blocks import Block, BlockKind, blocks
from aios.agents.offline.text.language import Language
from aios.agents.offline.text.readability import reading_ease
from aios.agents.offline.text.sentences import sentences
from aios.agents.offline.text.similarity import jaccard, shingles
from aios.agents.offline.text.words import count_words
from aios.domain.finding import Finding, Severity
from aios.domain.record import Record
from aios.domain.slug import is_slug
from aios.domain.wording import counted

LONG_SENTENCE = 38
TITLE = (10, 70)
THIN_SECTION = 40  # words
LISTING_LINE = 3  # words that a line of a listing counts for, where a section is judged thin
FAT_SECTION = 450
SAME = 0.5
UNVERIFIED_COSTS = 0.2  # of the part for citations, each
_LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
_QUOTED = re.compile(r"(?m)^>[ \t]?")
_LISTING = re.compile(r"(?ms)^(?:> ?)?```.*?^(?:> ?)?```$")
_MARK = re.compile(r"\[\^\d+\]")
_NOT_ANCHOR = re.compile(r"[^\w\- ]")

# How much each part weighs in the score.
WEIGHTS = {
    "citations": 0.25,
    "substance": 0.25,
    "structure": 0.2,
    "originality": 0.15,
    "readability": 0.1,
    "metadata": 0.05,
}


@dataclass(frozen=True, slots=True)
class Assessment:
    """`parts` maps each part of the score to its value (0..1) and to why."""

    findings: tuple[Finding, ...]
    parts: Mapping[str, tuple[float, str]]
    weakest: str  # heading of the thinnest section

    @property
    def score(self) -> float:
        """The weighted sum; with little substance or no shape the rest counts for less, however correct it is."""
        whole = sum(WEIGHTS[name] * value for name, (value, _) in self.parts.items())
        least = min(self.parts["substance"][0], self.parts["structure"][0])
        return round(whole * (0.6 + 0.4 * min(1.0, least / 0.6)), 3)


@dataclass(frozen=True, slots=True)
class Subject:
    """The piece as it will be written. `line` is the file's line where the body starts."""

    path: str
    data: Mapping[str, Any]
    body: str
    line: int
    evidence: Sequence[Sentence]


@dataclass(frozen=True, slots=True)
class _Section:
    """`words` of prose, `shown` lines of listings; `line` from 0 in the body."""

    heading: str
    line: int
    words: int
    shown: int


@dataclass(frozen=True, slots=True)
class _Paragraph:
    text: str
    line: int


def assess(subject: Subject, broken: Sequence[Finding], earlier: Sequence[Record], known: Language) -> Assessment:
    """Judge a piece. `broken` are the findings of the checks on citations and headings; `earlier` all other pieces."""
    prose = _paragraphs(subject)
    findings = list(broken)
    parts: dict[str, tuple[float, str]] = {
        "citations": _citations(subject, broken),
        "readability": _readability(subject, prose, known, findings),
        "structure": _structure(subject, findings),
        "originality": _originality(subject, prose, earlier, known, findings),
        "metadata": _metadata(subject, findings),
    }
    parts["substance"], weakest = _substance(subject, findings)
    findings += _links(subject, earlier)
    return Assessment(tuple(sorted(findings)), parts, weakest)


def _finding(subject: Subject, line: int, rule: str, message: str, hint: str = "") -> Finding:
    return Finding(
        subject.path,
        subject.line + line if line >= 0 else 0,
        1 if line >= 0 else 0,
        rule,
        message,
        hint,
        Severity.WARNING,
    )


def _paragraphs(subject: Subject) -> list[_Paragraph]:
    """Prose, quoted or not, without footnotes, marks and headings."""
    found = []
    for block in blocks(subject.body):
        text = subject.body[block.start : block.end]
        if block.kind is BlockKind.PARAGRAPH and not DEFINITION.match(text):
            found.append(_Paragraph(_MARK.sub("", text), block.line))
        elif block.kind is BlockKind.QUOTE:
            found += _quoted(text, block)
    return found


def _quoted(text: str, block: Block) -> list[_Paragraph]:
    inner = _QUOTED.sub("", text)
    return [
        _Paragraph(_MARK.sub("", inner[one.start : one.end]), block.line + one.line)
        for one in blocks(inner)
        if one.kind is BlockKind.PARAGRAPH
    ]


def _citations(subject: Subject, broken: Sequence[Finding]) -> tuple[float, str]:
    wrong = [finding for finding in broken if finding.rule in {"quotes-cited", "citations-resolve"}]
    own = sum(sentence.rule == "operator-text" for sentence in subject.evidence)
    cited = sum(sentence.footnote is not None for sentence in subject.evidence)
    why = f"{counted(cited, 'quoted sentence')}, {counted(len(wrong), 'problem')}" + (
        f", {counted(own, 'passage')} by the operator" if own else ""
    )
    unverified = sum(sentence.kind == UNVERIFIED for sentence in subject.evidence)
    if unverified:
        why += f", {counted(unverified, 'sentence')} unverified"
    value = 1.0 if cited and not wrong else max(0.0, 0.5 - 0.2 * len(wrong))
    return max(0.0, value - UNVERIFIED_COSTS * unverified), why


def _readability(
    subject: Subject, prose: Sequence[_Paragraph], known: Language, findings: list[Finding]
) -> tuple[float, str]:
    found: list[str] = []
    long = 0
    for paragraph in prose:
        for start, end in sentences(paragraph.text):
            sentence = paragraph.text[start:end]
            found.append(sentence)
            count = count_words(sentence)
            if count > LONG_SENTENCE:
                long += 1
                line = paragraph.line + paragraph.text.count("\n", 0, start)
                hint = "a quotation stays as it is; drop it if it is too much"
                findings.append(_finding(subject, line, "long-sentence", f"a sentence of {count} words", hint))
    ease = reading_ease(found, known)
    value = min(1.0, max(0.0, (ease - 5) / 40)) - min(0.4, 1.5 * long / max(1, len(found)))
    if ease < 25:
        findings.append(
            _finding(subject, -1, "hard-to-read", f"reading ease {ease:.0f} of 100", "prefer plainer sources")
        )
    return max(
        0.0, value
    ), f"reading ease {ease:.0f}, {long} of {counted(len(found), 'sentence')} longer than {LONG_SENTENCE} words"


def _sections(subject: Subject) -> list[_Section]:
    """The sections of level 2."""
    lines = subject.body.split("\n")
    places = [number for number, level in headings(subject.body) if level == 2]
    notes = next((number for number, line in enumerate(lines) if DEFINITION.match(line)), len(lines))
    found = []
    for place, number in enumerate(places):
        end = places[place + 1] if place + 1 < len(places) else notes
        text = "\n".join(lines[number + 1 : end])
        prose = _LISTING.sub("", text)
        shown = sum(match.group().count("\n") - 1 for match in _LISTING.finditer(text))
        found.append(_Section(lines[number].lstrip("# "), number, count_words(_MARK.sub("", prose)), shown))
    return found


def _structure(subject: Subject, findings: list[Finding]) -> tuple[float, str]:
    sections = _sections(subject)
    value = 1.0
    if not 3 <= len(sections) <= 7:
        value -= 0.5
        message = f"{counted(len(sections), 'section')}; three to seven read best"
        findings.append(_finding(subject, -1, "sections", message, "add or join sections"))
    for each in sections:
        if each.words > FAT_SECTION:
            value -= 0.15
            message = f"“{each.heading}” has {each.words} words"
            findings.append(_finding(subject, each.line, "long-section", message, "split it"))
    names = [each.heading.lower() for each in sections]
    if len(set(names)) < len(names):
        value -= 0.3
        findings.append(_finding(subject, -1, "same-heading", "two sections have the same heading"))
    return max(0.0, value), f"{counted(len(sections), 'section')}, headings in order"


def _substance(subject: Subject, findings: list[Finding]) -> tuple[tuple[float, str], str]:
    sections = _sections(subject)
    total = sum(each.words for each in sections)
    thin = [each for each in sections if each.words + LISTING_LINE * each.shown < THIN_SECTION]
    for each in thin:
        hint = "give it another source, or drop it"
        message = f"“{each.heading}” has only {each.words} words"
        findings.append(_finding(subject, each.line, "thin-section", message, hint))
    voices = len({sentence.source for sentence in subject.evidence if sentence.footnote is not None})
    if voices == 1:
        findings.append(_finding(subject, -1, "one-source", "the whole piece rests on one source", "give it a second"))
    value = 0.65 * min(1.0, total / 1000) + 0.35 * min(1.0, voices / 6) - 0.5 * len(thin) / max(1, len(sections))
    weakest = min(sections, key=lambda each: each.words, default=_Section("", 0, 0, 0)).heading
    return (
        max(0.0, value),
        (
            f"{total} words from {counted(voices, 'source')} in {counted(len(sections), 'section')}, "
            f"{len(thin)} of them thin"
        ),
    ), weakest


def _originality(
    subject: Subject, prose: Sequence[_Paragraph], earlier: Sequence[Record], known: Language, findings: list[Finding]
) -> tuple[float, str]:
    """Paragraphs that repeat another one here or in an earlier piece. Connecting sentences may repeat."""
    templates = {sentence.text for sentence in subject.evidence if sentence.kind == CONNECTIVE}
    marked = [
        (paragraph, shingles(paragraph.text, known))
        for paragraph in prose
        if count_words(paragraph.text) >= 8 and paragraph.text.strip().split("\n")[0] not in templates
    ]
    before = [
        (record, shingles(text, known))
        for record in earlier
        if record.body and record.get("status") in {"published", "edited"}
        for text in re.split(r"\n\s*\n", _MARK.sub("", _QUOTED.sub("", record.body)))
        if count_words(text) >= 8
    ]
    repeats = 0
    for place, (paragraph, mark) in enumerate(marked):
        twin = next((other for other, seen in marked[:place] if jaccard(mark, seen) >= SAME), None)
        if twin is not None:
            repeats += 1
            message = f"says nearly the same as line {subject.line + twin.line}"
            findings.append(_finding(subject, paragraph.line, "repetition", message, "keep the better of the two"))
            continue
        old = next((record for record, seen in before if jaccard(mark, seen) >= SAME), None)
        if old is not None:
            repeats += 1
            message = f"stands nearly word for word in “{old.get('title')}” ({old.path})"
            findings.append(_finding(subject, paragraph.line, "repeats-earlier-piece", message, "link to it instead"))
    return max(0.0, 1 - 2 * repeats / max(1, len(marked))), f"{repeats} of {len(marked)} paragraphs repeat others"


def _metadata(subject: Subject, findings: list[Finding]) -> tuple[float, str]:
    value = 1.0
    title, description = str(subject.data.get("title") or ""), str(subject.data.get("description") or "")
    if not TITLE[0] <= len(title) <= TITLE[1]:
        value -= 0.35
        message = f"the title has {len(title)} characters; {TITLE[0]} to {TITLE[1]} show whole in search results"
        findings.append(_finding(subject, -1, "title-length", message, "say `title: …` with `aios revise`"))
    if not DESCRIPTION[0] <= len(description) <= DESCRIPTION[1]:
        value -= 0.35
        message = f"the description has {len(description)} characters instead of {DESCRIPTION[0]} to {DESCRIPTION[1]}"
        findings.append(_finding(subject, -1, "description-length", message))
    if not is_slug(str(subject.data.get("slug") or "")):
        value -= 0.3
        findings.append(_finding(subject, -1, "slug", f"`{subject.data.get('slug')}` is no slug"))
    return max(0.0, value), f"title {len(title)} characters, description {len(description)}"


def anchor(heading: str) -> str:
    """The anchor that a heading gets: lower case, blanks as hyphens, marks dropped."""
    return _NOT_ANCHOR.sub("", heading.strip().lower()).replace(" ", "-")


def _links(subject: Subject, earlier: Sequence[Record]) -> list[Finding]:
    """Internal links and anchors that lead nowhere. Outside addresses are not tried."""
    lines = subject.body.split("\n")
    anchors = {anchor(lines[number].lstrip("# ")) for number, _ in headings(subject.body)}
    slugs = {str(record.get("slug") or record.id) for record in earlier} | {record.id for record in earlier}
    found = []
    for number, line in enumerate(lines):
        for target in _LINK.findall(re.sub(r"`[^`]*`", "", line)):
            if re.match(r"[a-z][a-z0-9+.-]*:", target, re.IGNORECASE):
                continue
            if target.startswith("#"):
                good = target[1:] in anchors
            else:
                place = re.sub(r"\.(?:md|html?)$", "", target.split("#")[0].strip("/").rsplit("/", 1)[-1])
                good = place in slugs
            if not good:
                found.append(
                    _finding(subject, number, "broken-link", f"`{target}` leads nowhere", "correct or drop the link")
                )
    return found
