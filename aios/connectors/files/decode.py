"""Bytes from anywhere as text: UTF-8, UTF-16 with a mark, or what an HTML page says of itself."""

from __future__ import annotations

import codecs
import re

_META = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([A-Za-z0-9_.:-]{2,40})", re.IGNORECASE)
_XML = re.compile(rb"\A\s{0,16}<\?xml[^>]{0,100}encoding\s*=\s*[\"']([A-Za-z0-9_.:-]{2,40})")
_SNIFFED = 4_096
# What pages of the web may be written in; others (utf-7, escapes, compressions) are never tried.
_FAMILIES = ("utf-8", "iso8859", "cp125", "koi8", "shift_jis", "euc_", "gb", "big5", "ascii", "mac", "cp932", "cp949")


def decode(content: bytes, *, charset: str = "", html: bool = False) -> str | None:
    """The text; None where it is binary or in no encoding that we can be sure of."""
    for mark, name in ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16")):
        if content.startswith(mark):
            return _try(content, name)
    if b"\0" in content:
        return None
    text = _try(content, "utf-8")
    if text is not None:
        return text
    declared = [charset]
    if html:
        declared += [found[1].decode("ascii") for rule in (_XML, _META) if (found := rule.search(content[:_SNIFFED]))]
    for name in declared:
        if (known := _known(name)) and (text := _try(content, known)) is not None:
            return text
    return None


def _known(name: str) -> str:
    try:
        found = codecs.lookup(name.strip()).name.lower()
    except (LookupError, ValueError):
        return ""
    if found in {"iso8859-1", "ascii"}:
        return "cp1252"  # as browsers do
    return found if found.startswith(_FAMILIES) else ""


def _try(content: bytes, name: str) -> str | None:
    try:
        return content.decode(name)
    except (UnicodeDecodeError, LookupError):
        # cp1252 leaves five bytes open; everything else that fails is not what it says it is.
        return content.decode("latin-1") if name == "cp1252" else None
