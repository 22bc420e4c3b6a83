"""What can be mended without judgement: functions from body to body that never touch a quotation's words.

Each gives the new body and, in words, what it did.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Set

from aios.agents.checks import headings
from aios.agents.evidence import DEFINITION, REFERENCE

Mended = tuple[str, list[str]]

_TYPOGRAPHY = (
    (re.compile(r"(?<=\S)  +(?=\S)"), " ", "double spaces"),
    (re.compile(r" +([,;:!?.])(?=\s|$)"), r"\1", "spaces before punctuation"),
    (re.compile(r"(?<![./])\.\.(?=\s|$)"), ".", "double full stops"),
    (re.compile(r",,+"), ",", "double commas"),
    (re.compile(r"\b(the|a|an|of|to|in|and|is|for|der|die|das|und) \1\b", re.IGNORECASE), r"\1", "doubled words"),
)
_FENCE = re.compile(r"^[ \t>]*(```+|~~~+)")


def typography(body: str, own: Callable[[str], bool]) -> Mended:
    """Doubled blanks, stops and words in lines for which `own` holds: those that are nobody's quotation."""
    done: dict[str, int] = {}
    lines = body.split("\n")
    fenced = False
    for number, line in enumerate(lines):
        if _FENCE.match(line):
            fenced = not fenced
        if fenced or not line.strip() or line.lstrip().startswith((">", "[^", "|")) or not own(line):
            continue
        for pattern, with_, name in _TYPOGRAPHY:
            line, count = pattern.subn(with_, line)  # noqa: PLW2901 (each rule works on what the last left)
            if count:
                done[name] = done.get(name, 0) + count
        lines[number] = line
    return "\n".join(lines), [f"{count} × {name} mended" for name, count in done.items()]


def heading_levels(body: str) -> Mended:
    """Headings begin at level 2 and skip none on the way down."""
    lines = body.split("\n")
    changed = 0
    before = 1
    for number, level in headings(body):
        right = max(2, min(level, before + 1))
        if right != level:
            lines[number] = "#" * right + lines[number][level:]
            changed += 1
        before = right
    return "\n".join(lines), [f"{changed} heading level{'s' if changed > 1 else ''} put right"] if changed else []


def repeated_paragraphs(body: str) -> Mended:
    """Drop a paragraph, with the mark of its footnote, that stood word for word before. Short ones may repeat."""
    seen: set[str] = set()
    kept: list[str] = []
    dropped = 0
    for block in re.split(r"\n{2,}", body):
        bare = " ".join(REFERENCE.sub("", re.sub(r"(?m)^>[ \t]?", "", block)).split())
        if len(bare.split()) >= 8 and not DEFINITION.match(block):
            if bare in seen:
                dropped += 1
                continue
            seen.add(bare)
        kept.append(block)
    done = [f"{dropped} repeated paragraph{'s' if dropped > 1 else ''} removed"] if dropped else []
    return "\n\n".join(kept), done


def drop_section(body: str, unwanted: Set[str]) -> Mended:
    """Remove the sections under these headings, up to the next heading of the same rank or the footnotes."""
    lines = body.split("\n")
    found = headings(body)
    notes = next((number for number, line in enumerate(lines) if DEFINITION.match(line)), len(lines))
    gone: set[int] = set()
    done = []
    for place, (number, level) in enumerate(found):
        text = lines[number].lstrip("# ").strip()
        if number not in gone and text in unwanted:
            end = next((other for other, rank in found[place + 1 :] if rank <= level), notes)
            gone |= set(range(number, end))
            done.append(f"section “{text}” dropped")
    return "\n".join(line for number, line in enumerate(lines) if number not in gone), done


def renumber(body: str) -> tuple[str, dict[int, int], list[str]]:
    """Footnotes in the order of their first mention; unused definitions dropped. Gives old number → new number."""
    order: list[int] = []
    defined: dict[int, str] = {}
    text: list[str] = []
    for line in body.split("\n"):
        if match := DEFINITION.match(line):
            defined.setdefault(int(match.group(1)), match.group(2))
        else:
            order += [name for mark in REFERENCE.finditer(line) if (name := int(mark.group(1))) not in order]
            text.append(line)
    known = [name for name in order if name in defined]
    numbers = {name: place for place, name in enumerate(known, 1)}
    prose = "\n".join(text).rstrip()
    prose = REFERENCE.sub(
        lambda mark: f"[^{numbers[int(mark.group(1))]}]" if int(mark.group(1)) in numbers else "", prose
    )
    notes = "\n".join(f"[^{numbers[name]}]: {defined[name]}" for name in known)
    done = []
    if len(defined) > len(known):
        done.append(f"{len(defined) - len(known)} unused footnotes removed")
    if len(order) > len(known):
        done.append(f"{len(order) - len(known)} marks of undefined footnotes removed")
    if any(name != place for name, place in numbers.items()):
        done.append("footnotes renumbered")
    return f"{prose}\n\n{notes}\n" if notes else f"{prose}\n", numbers, done


def tidy(body: str) -> str:
    """One blank line between blocks, outside listings; one line feed at the end."""
    lines: list[str] = []
    fenced = False
    for line in body.split("\n"):
        if _FENCE.match(line):
            fenced = not fenced
        if fenced or line.strip() or (lines and lines[-1].strip()):
            lines.append(line)
    return "\n".join(lines).strip("\n") + "\n"
