"""Text as it is kept: one spelling of every character, nothing that a reader cannot see.

Passages are quoted by character offsets into what this module returns, so nothing changes it afterwards.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping

_LINE_ENDS = re.compile("\r\n?|[\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
_TRAILING = re.compile(r"(?<![ \t])[ \t]+$", re.MULTILINE)  # from its first blank: a long run is looked at once
_BLANK = re.compile(r"\n{4,}")
# Format characters that are seen.
_SEEN = frozenset([*range(0x0600, 0x0606), 0x06DD, 0x070F, 0x0890, 0x0891, 0x08E2, 0x110BD, 0x110CD])
# Not of a category that says so, and yet invisible: joiners, fillers, variation selectors.
_UNSEEN = frozenset(
    [
        *(0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x180B, 0x180C, 0x180D, 0x180F, 0x3164, 0xFFA0),
        *range(0xFE00, 0xFE10),
        *range(0xE0100, 0xE01F0),
    ]
)


def _removed(char: str) -> bool:
    code = ord(char)
    if code < 0x80:
        return (char < " " and char not in "\n\t") or code == 0x7F
    if code in _UNSEEN:
        return True
    category = unicodedata.category(char)
    noncharacter = category == "Cn" and (code & 0xFFFE == 0xFFFE or 0xFDD0 <= code <= 0xFDEF)
    return (category in {"Cc", "Cf", "Cs"} and code not in _SEEN) or noncharacter


def clean(text: str) -> tuple[str, Mapping[str, int]]:
    """The text in NFC, lines ended by `\\n` without blanks before, every kind of space a plain one, no invisible or
    bidirectional control characters; and how many of those were taken out, by code point (`U+200B`)."""
    text = _LINE_ENDS.sub("\n", text.removeprefix("\ufeff"))
    odd = {char for char in set(text) if _removed(char)}
    counts = Counter({f"U+{ord(char):04X}": text.count(char) for char in sorted(odd)})
    spaces = {char for char in set(text) if char not in " \n\t" and unicodedata.category(char) == "Zs"}
    table = {**dict.fromkeys(map(ord, odd)), **dict.fromkeys(map(ord, spaces), " ")}
    if table:
        text = text.translate(table)
    text = unicodedata.normalize("NFC", text)
    text = _BLANK.sub("\n\n\n", _TRAILING.sub("", text)).strip("\n")
    return (f"{text}\n" if text.strip() else ""), counts


def size(count: int) -> str:
    """Bytes as people say them."""
    for unit, name in ((1024 * 1024, "MiB"), (1024, "KiB")):
        if count >= unit:
            return f"{count / unit:.1f}".removesuffix(".0") + f" {name}"
    return f"{count} bytes"


def one_line(text: str, limit: int = 200) -> str:
    """A title from anywhere: one line of at most `limit` characters."""
    line = " ".join(clean(text)[0].split())
    return line if len(line) <= limit else f"{line[: limit - 1].rstrip()}…"
