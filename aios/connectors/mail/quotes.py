"""What somebody wrote, apart from what they quote below it.

Only a quotation at the end is cut off; where answers stand between quotations, all of it is theirs. What is cut off is
kept: nothing is lost by a wrong guess.
"""

from __future__ import annotations

import re

# A line that says who wrote what follows, in the languages that programs for mail most often speak.
_WROTE = re.compile(
    r"(?:On|Am|Le|El|Il|Op|Em|Den|Dnia|W dniu)\b.{4,300}?"
    r"(?:wrote|schrieb\b.{0,200}|a écrit|escribió|ha scritto|schreef\b.{0,200}|escreveu|"
    r"skrev\b.{0,200}|napisał\(?a?\)?)"
    r"\s*:?\s*\Z",
    re.DOTALL,
)
_OPENS = re.compile(r"(?:On|Am|Le|El|Il|Op|Em|Den|Dnia|W dniu) \S")
_FORWARDED = re.compile(
    r"-{2,}\s*(?:Original Message|Ursprüngliche Nachricht|Message d'origine|Mensaje original|Messaggio originale|"
    r"Oorspronkelijk bericht|Forwarded message|Weitergeleitete Nachricht)\s*-{2,}\s*\Z",
    re.IGNORECASE,
)
_HEADER = re.compile(r"\**(?:From|Von|De|Da|Van|Fra|Od):\**\s+\S")
_NEXT_HEADER = re.compile(r"\**(?:Sent|Date|To|Gesendet|Datum|An|Envoyé|Date|À|Enviado|Para|Inviato|Verzonden|Aan)\s*:")
_LONGEST = 4  # lines that such a line may be wrapped to


def apart(text: str) -> tuple[str, str]:
    """(what is new, what is quoted below it); the second is empty where nothing is quoted at the end."""
    lines = text.split("\n")
    cut = _quoted_from(lines)
    new = "\n".join(lines[:cut]).strip("\n")
    if not new.strip():  # nothing but a quotation is what they sent
        return text.strip("\n"), ""
    return new, "\n".join(lines[cut:]).strip("\n")


def _quoted_from(lines: list[str]) -> int:
    """The line at which the quotation at the end begins; how many there are where there is none."""
    for index, line in enumerate(lines):
        bare = line.strip().strip("*_")
        if _FORWARDED.match(bare) or _is_header(lines, index):
            return index
        if (end := _wrote(lines, index)) and all(_is_quoted(each) for each in lines[end:]):
            return index
    start = len(lines)
    while start and _is_quoted(lines[start - 1]):
        start -= 1
    return start if any(line.startswith(">") for line in lines[start:]) else len(lines)


def _wrote(lines: list[str], index: int) -> int:
    """Behind the line that says who wrote, beginning at `index`; 0 where none does."""
    if not _OPENS.match(lines[index].strip()):
        return 0
    for end in range(index + 1, min(index + _LONGEST, len(lines)) + 1):
        if not lines[end - 1].strip():
            return 0
        said = " ".join(line.strip() for line in lines[index:end])
        if len(said) <= 600 and _WROTE.match(said):
            return end
    return 0


def _is_header(lines: list[str], index: int) -> bool:
    """The headers of another mail, as Outlook puts them above it."""
    return bool(_HEADER.match(lines[index].strip())) and any(
        _NEXT_HEADER.match(line.strip()) for line in lines[index + 1 : index + 3]
    )


def _is_quoted(line: str) -> bool:
    return not line.strip() or line.startswith(">")
