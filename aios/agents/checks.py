"""Named invariants of contracts: functions over the tree an agent leaves, never over what it says.

Each takes `read` (path → text, None where there is no such file) and the path of a content record, and gives findings.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from aios.agents.evidence import (
    CITATION,
    DEFINITION,
    QUOTE,
    REFERENCE,
    SUPPORTED,
    Sentence,
    evidence_path,
    parse,
    plain,
    unbroken,
)
from aios.domain.finding import Finding
from aios.domain.front_matter import split

Read = Callable[[str], str | None]
Check = Callable[[Read, str], list[Finding]]

_PREFIX = re.compile(r"^[ \t]*(?:>[ \t]*)*(?:#{1,6}[ \t]+)?")
_GLUE = re.compile(r"(?:\s|\[\^\d+\]|[“”„‟])+")
_FENCE = re.compile(r"^[ \t>]*(```+|~~~+)")
_HEADING = re.compile(r"^(#{1,6})[ \t]+\S")
_SPACE = re.compile(r"\s+")


def quotes_cited(read: Read, path: str) -> list[Finding]:
    """Every sentence of the body is in the evidence, in order, and every quotation is what its source says there."""
    text = read(path)
    if text is None:
        return [_finding(path, 0, "quotes-cited", "there is no such piece")]
    evidence_file = evidence_path(path)
    evidence = read(evidence_file)
    if evidence is None:
        return [_finding(path, 0, "quotes-cited", f"it has no evidence file {evidence_file}")]
    _, sentences = parse(evidence)
    _, body, first_line = split(text)
    return [*_uncited(path, body, first_line, sentences), *_misquoted(read, evidence_file, sentences)]


def align(body: str, sentences: list[Sentence]) -> list[tuple[int, Sentence | str]]:
    """The body as a sequence of evidence and of stretches that no evidence accounts for (line in the body from 0, it).

    Evidence that the body no longer holds is left out.
    """
    flat, lines = _flat(body)
    left = [(sentence, _flat(sentence.text)[0].strip()) for sentence in sentences if not sentence.where]
    found: list[tuple[int, Sentence | str]] = []
    cursor = _past_glue(flat, 0)
    while cursor < len(flat):
        here = next((index for index, (_, text) in enumerate(left) if text and flat.startswith(text, cursor)), None)
        if here is None:
            ahead = [place for _, text in left if text and (place := flat.find(text, cursor)) >= 0]
            end = min(ahead, default=len(flat))
            text = _GLUE.sub(" ", flat[cursor:end]).strip()
            if text:
                found.append((_line(lines, cursor), text))
            cursor = end
        else:
            sentence, text = left[here]
            found.append((_line(lines, cursor), sentence))
            cursor += len(text)
            left = left[here + 1 :]
        cursor = _past_glue(flat, cursor)
    return found


def uncited(body: str, sentences: list[Sentence]) -> list[tuple[int, str]]:
    """Stretches of the body that no evidence accounts for: (line in the body from 0, text)."""
    return [(line, item) for line, item in align(body, sentences) if isinstance(item, str)]


def _uncited(path: str, body: str, first_line: int, sentences: list[Sentence]) -> list[Finding]:
    hint = "each sentence must be a quotation, a template or a value of a record, listed in the evidence"
    return [
        _finding(path, first_line + line, "quotes-cited", f"no evidence for “{_short(text)}”", hint)
        for line, text in uncited(body, sentences)
    ]


def _misquoted(read: Read, evidence_file: str, sentences: list[Sentence]) -> list[Finding]:
    found = []
    bodies: dict[str, str | None] = {}
    for sentence in sentences:
        if sentence.kind not in {QUOTE, SUPPORTED}:
            continue
        if sentence.source not in bodies:
            text = read(sentence.source) if sentence.source else None
            bodies[sentence.source] = split(text)[1] if text is not None else None
        body = bodies[sentence.source]
        if body is None:
            problem = f"quotes from {sentence.source or 'nowhere'}, which cannot be read"
        elif sentence.start is None or sentence.end is None or not 0 <= sentence.start < sentence.end <= len(body):
            problem = f"has no place in {sentence.source}"
        elif sentence.kind == QUOTE and unbroken(body[sentence.start : sentence.end]) != unbroken(sentence.text):
            problem = f"is not what {sentence.source} says at {sentence.start}–{sentence.end}"
        else:
            continue
        found.append(_finding(evidence_file, 0, "quotes-cited", f"“{_short(sentence.text)}” {problem}"))
    return found


def _flat(text: str) -> tuple[str, list[tuple[int, int]]]:
    """The text without footnote definitions, quotation marks of blocks and heading marks, white space as single blanks.

    With it (offset in the flat text, line) for each line.
    """
    pieces: list[str] = []
    lines: list[tuple[int, int]] = []
    offset = 0
    for number, line in enumerate(text.split("\n")):
        if DEFINITION.match(line):
            continue
        bare = _SPACE.sub(" ", _PREFIX.sub("", line)).strip()
        if bare:
            lines.append((offset, number))
            pieces.append(bare)
            offset += len(bare) + 1
    return " ".join(pieces), lines


def _past_glue(flat: str, cursor: int) -> int:
    match = _GLUE.match(flat, cursor)
    return match.end() if match else cursor


def _line(lines: list[tuple[int, int]], cursor: int) -> int:
    return max((number for offset, number in lines if offset <= cursor), default=0)


def headings_in_order(read: Read, path: str) -> list[Finding]:
    """The body's first heading is of level 2 and no level is skipped on the way down."""
    text = read(path)
    if text is None:
        return [_finding(path, 0, "headings-in-order", "there is no such piece")]
    _, body, first_line = split(text)
    found = []
    before = 1
    for number, level in headings(body):
        if level == 1:
            message = "a heading of level 1: that is the title's"
            found.append(_finding(path, first_line + number, "headings-in-order", message))
        elif level > before + 1:
            message = f"a heading of level {level} follows one of level {before}"
            found.append(_finding(path, first_line + number, "headings-in-order", message))
        before = max(level, 1)
    return found


def headings(body: str) -> list[tuple[int, int]]:
    """(line from 0, level) of the headings outside code and quotations."""
    found = []
    fence = ""
    for number, line in enumerate(body.split("\n")):
        mark = _FENCE.match(line)
        if mark and (not fence or mark.group(1).startswith(fence)):
            fence = "" if fence else mark.group(1)
        elif not fence and (match := _HEADING.match(line)):
            found.append((number, len(match.group(1))))
    return found


def citations_resolve(read: Read, path: str) -> list[Finding]:
    """Footnotes run 1, 2, 3 …, each is defined and used, and each definition leads to the words it quotes."""
    text = read(path)
    if text is None:
        return [_finding(path, 0, "citations-resolve", "there is no such piece")]
    _, body, first_line = split(text)
    used: list[int] = []
    defined: dict[int, str] = {}
    problems: list[tuple[int, str]] = []
    for number, line in enumerate(body.split("\n")):
        match = DEFINITION.match(line)
        if match:
            name = int(match.group(1))
            problems += [(number, f"footnote {name} is defined twice")] if name in defined else []
            defined[name] = match.group(2)
            problem = _unresolved(read, match.group(2))
            problems += [(number, f"footnote {name} {problem}")] if problem else []
        else:
            problems += _order(line, number, used)
    problems += [(0, f"footnote {name} is not defined") for name in used if name not in defined]
    problems += [(0, f"footnote {name} is never used") for name in defined if name not in used]
    return [_finding(path, first_line + line, "citations-resolve", message) for line, message in problems]


def _order(line: str, number: int, used: list[int]) -> list[tuple[int, str]]:
    """Note the footnotes of a line in `used`; those that come out of turn are problems."""
    problems = []
    for reference in REFERENCE.finditer(line):
        name = int(reference.group(1))
        if name not in used:
            if name != len(used) + 1:
                problems.append((number, f"footnote {name} comes where {len(used) + 1} is due"))
            used.append(name)
    return problems


def _unresolved(read: Read, text: str) -> str:
    match = CITATION.search(text)
    if match is None:
        return "names no passage"
    source = f"state/{match['source']}.md" if not match["source"].startswith("memory/") else f"{match['source']}.md"
    content = read(source)
    if content is None:
        return f"leads to {source}, which is not there"
    body = split(content)[1]
    start, end = int(match["start"]), int(match["end"])
    if not 0 <= start < end <= len(body):
        return f"leads beyond the end of {source}"
    there = plain(body[start:end]).replace("“", "").replace("”", "")
    return "" if there.startswith(match["words"].rstrip("…")) else f"quotes words that {source} does not have there"


def _short(text: str, limit: int = 80) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= limit else f"{flat[: limit - 1]}…"


def _finding(path: str, line: int, rule: str, message: str, hint: str = "") -> Finding:
    return Finding(path, line, 1 if line else 0, rule, message, hint)


CHECKS: dict[str, Check] = {
    "quotes-cited": quotes_cited,
    "headings-in-order": headings_in_order,
    "citations-resolve": citations_resolve,
}
