"""Parts of a file that are written by us, between two marked lines; all other lines are the operator's.

    # >>> aios github sync: schedule
    …
    # <<< aios github sync

A stamp in the first line tells whether those other lines are still as we wrote them.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from aios.domain.finding import Finding

_BEGIN = re.compile(r"(?P<indent>[ \t]*)# >>> aios github sync: (?P<name>[a-z ]+?)[ \t]*\Z")
_END = re.compile(r"[ \t]*# <<< aios github sync[ \t]*\Z")
_STAMP = re.compile(r"# aios (?P<version>\S+) wrote this file \(sha256:(?P<imprint>[0-9a-f]{64})\)")
_HINT = "`git checkout` brings the marked lines back, `aios init --github` a file that was deleted"

Parts = Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True)
class Filled:
    """A text with its parts written, and what stood in the way. `parts` names those that were found."""

    text: str
    parts: frozenset[str]
    findings: tuple[Finding, ...]


def fill(path: str, text: str, parts: Parts) -> Filled:
    """Write the parts, each line indented as its mark is. What has no end, or an unknown name, stays as it is."""
    lines = text.splitlines(keepends=True)
    written: list[str] = []
    found: set[str] = set()
    findings: list[Finding] = []
    number = 0
    while number < len(lines):
        begin = _BEGIN.match(lines[number].rstrip("\r\n"))
        written.append(lines[number])
        number += 1
        if begin is None:
            continue
        end = _end(lines, number)
        if end is None:
            message = f"nothing ends what `aios github sync` writes as `{begin['name']}`"
            findings.append(Finding(path, number, 1, "github-sync", message, _HINT))
            continue
        if begin["name"] not in parts:
            message = f"`aios github sync` writes no `{begin['name']}`"
            findings.append(Finding(path, number, 1, "github-sync", message, f"it writes {', '.join(sorted(parts))}"))
            continue
        found.add(begin["name"])
        written += [f"{begin['indent']}{line}\n" for line in parts[begin["name"]]]
        number = end
    return Filled("".join(written), frozenset(found), tuple(findings))


def _end(lines: Sequence[str], start: int) -> int | None:
    """The number of the line that ends a part begun before `start`; None where another one begins first."""
    for number in range(start, len(lines)):
        if _END.match(lines[number].rstrip("\r\n")):
            return number
        if _BEGIN.match(lines[number].rstrip("\r\n")):
            return None
    return None


def part(text: str, name: str) -> list[str]:
    """The lines that stand between the marks of that name, without their indent; none where there are no marks."""
    lines = text.splitlines()
    for number, line in enumerate(lines):
        begin = _BEGIN.match(line)
        end = _end(lines, number + 1) if begin and begin["name"] == name else None
        if end is not None:
            return [each.strip() for each in lines[number + 1 : end]]
    return []


def names(text: str) -> list[str]:
    """The names of all parts."""
    return [begin["name"] for begin in map(_BEGIN.match, text.splitlines()) if begin]


def stamp(text: str, version: str) -> str:
    """The text under a first line that says which version wrote it."""
    told = "unless you edit it, a newer one renews it"
    return f"# aios {version} wrote this file (sha256:{_imprint(text)}): {told}.\n{text}"


def unstamped(text: str) -> str:
    """The text without that line."""
    first, newline, rest = text.partition("\n")
    return rest if newline and _STAMP.match(first) else text


def as_written(text: str) -> bool:
    """Is it, but for the parts between marks, as some version of ours wrote it?"""
    first, newline, rest = text.partition("\n")
    found = _STAMP.match(first)
    return bool(newline and found and found["imprint"] == _imprint(rest))


def bare(text: str) -> str:
    """The text without what stands between marks: what is compared."""
    kept: list[str] = []
    inside = False
    for line in text.splitlines():
        inside = inside and not _END.match(line)
        if not inside:
            kept.append(line)
        inside = inside or bool(_BEGIN.match(line))
    return "\n".join(kept)


def _imprint(text: str) -> str:
    return hashlib.sha256(bare(text).encode()).hexdigest()
