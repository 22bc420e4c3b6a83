"""What an operator says to aios in a comment: lines that begin with `/aios`, and what belongs to them. Pure.

A command is its line and the lines below it, up to the next command. What is quoted, stands in a block of code or in an
HTML comment commands nothing: people paste what others wrote.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import get_close_matches

NAMES = ("revise", "explain", "retry", "reject", "answer", "confirm", "help")
MERGING = frozenset({"approve", "merge", "accept", "lgtm", "publish", "apply"})
LONGEST = 8_000  # characters of what is said at once

_COMMAND = re.compile(r" {0,3}/(\w+)(?:[ \t]+(.*))?$")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})(.*)$")
_QUOTED = re.compile(r" {0,3}>")
_HIDDEN = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_STEP = re.compile(r"([A-Za-z][\w-]{0,63}):(?:\s+|$)")


@dataclass(frozen=True, slots=True)
class Command:
    """`name` is one of NAMES, or what stood there instead; `text` what follows it. `meant` is the name that a typo
    stands for, empty where none is near."""

    name: str
    text: str
    meant: str = ""

    @property
    def known(self) -> bool:
        return self.name in NAMES


def commands(comment: str) -> list[Command]:
    """The commands of a comment, in order."""
    found: list[tuple[str, list[str]]] = []
    fence = ""
    for line in _without_hidden(comment).splitlines():
        opening = _FENCE.match(line)
        inside = bool(fence)
        if opening and not fence:
            fence = opening[1]
        elif opening and opening[1].startswith(fence) and not opening[2].strip():
            fence = ""
        told = None if inside or opening or _QUOTED.match(line) else _begun(line)
        if told is not None:
            found.append((told[0], [told[1]]))
        elif found:
            found[-1][1].append(line)
    return [_command(name, "\n".join(lines).strip()[:LONGEST]) for name, lines in found]


def step_of(text: str, steps: list[str]) -> tuple[str, str, str]:
    """(step, what is said to it, the step that was probably meant) of `STEP: text`; no step where none is named."""
    named = _STEP.match(text)
    if named is None:
        return "", text, ""
    if named[1] in steps:
        return named[1], text[named.end() :].strip(), ""
    near = get_close_matches(named[1].casefold(), steps, n=1, cutoff=0.75)
    return "", text, near[0] if near else ""


def _without_hidden(comment: str) -> str:
    return _HIDDEN.sub("", comment.replace("\r\n", "\n").replace("\r", "\n"))


def _begun(line: str) -> tuple[str, str] | None:
    """(name, text) where a line begins a command: of ours, or one with our name misspelt."""
    match = _COMMAND.match(line)
    if match is None:
        return None
    called, rest = match[1].casefold(), (match[2] or "").strip()
    name, _, text = rest.partition(" ")
    if called == "aios":
        return name.casefold().rstrip(":"), text.strip()
    misspelt = get_close_matches(called, ["aios"], n=1, cutoff=0.7)
    return (f"/{called} {name.casefold()}", text.strip()) if misspelt and name.casefold() in NAMES else None


def _command(name: str, text: str) -> Command:
    if name in NAMES:
        return Command(name, text)
    last = name.rsplit(" ", maxsplit=1)[-1]
    near = get_close_matches(last, NAMES, n=1, cutoff=0.6)
    return Command(name, text, near[0] if near else "")
