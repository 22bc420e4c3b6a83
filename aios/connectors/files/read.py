"""One document: bytes in, clean Markdown with its title and what was odd about it out."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from aios.connectors.files.decode import decode
from aios.connectors.files.marked import as_words, tidy, without_targets
from aios.connectors.files.text import clean, one_line
from aios.domain.effect import CollectedDocument
from aios.domain.finding import Finding, Severity
from aios.domain.keys import digest

HTML, MARKDOWN, PLAIN, RST = "text/html", "text/markdown", "text/plain", "text/x-rst"
SUFFIXES: Mapping[str, str] = {
    ".htm": HTML, ".html": HTML, ".xhtml": HTML,
    ".markdown": MARKDOWN, ".md": MARKDOWN, ".mdown": MARKDOWN,
    ".rst": RST, ".text": PLAIN, ".txt": PLAIN,
}  # fmt: skip
_TOLERATED = 40  # characters of hidden text that are nobody's trick: icons, labels
_HTML = re.compile(rb"\s{0,64}(?:<!doctype html|<html[\s>])", re.IGNORECASE)
_PLAIN_TITLE = re.compile(r"\A(?P<title>[^\n]{3,120})\n(?:[=~-]{3,}[ \t]*\n|\n)")


@dataclass(frozen=True, slots=True)
class Raw:
    """`origin` is the path or address that people know it by; `charset` what its server says."""

    origin: str
    name: str
    content: bytes
    media_type: str
    charset: str = ""


def media_type_of(name: str, content: bytes = b"") -> str:
    """By the name's suffix, else by what the content looks like; empty where nobody can say."""
    path = PurePosixPath(name.lower())
    if path.suffixes[-2:] == [".rst", ".txt"]:
        return RST
    if path.suffix in SUFFIXES:
        return SUFFIXES[path.suffix]
    if _HTML.match(content):
        return HTML
    return PLAIN if content and b"\0" not in content[:4096] else ""


def document(raw: Raw) -> tuple[CollectedDocument | None, list[Finding]]:
    """The document, or None and the finding that refuses it."""
    if not raw.content.strip():
        return None, [finding(raw.origin, "source-empty", "there is nothing in it", "leave it out")]
    text = decode(raw.content, charset=raw.charset, html=raw.media_type == HTML)
    if text is None:
        if b"\0" in raw.content:
            return None, [
                finding(raw.origin, "source-binary", "it is binary, not text", "Markdown, text and HTML can be read")
            ]
        return None, [finding(raw.origin, "source-encoding", "it is not UTF-8", "save it as UTF-8")]
    seen, unseen = clean(text)
    title, markdown, hidden = _converted(raw, seen)
    body, written = clean(markdown)  # what was spelled as entities
    invisible = Counter(unseen) + Counter(written)
    if not body:
        return None, [finding(raw.origin, "source-empty", "there is no readable text in it", "leave it out")]
    findings = []
    if hidden > _TOLERATED:
        message = f"{hidden} characters of text that readers do not see were left out"
        findings.append(finding(raw.origin, "source-hidden-text", message, "look at its source", Severity.WARNING))
    if invisible:
        total = sum(invisible.values())
        kinds = ", ".join(f"{count} × {name}" for name, count in list(invisible.items())[:6])
        message = f"{total} invisible character{'s' if total > 1 else ''} taken out: {kinds}"
        findings.append(finding(raw.origin, "source-invisible", message, "", Severity.WARNING))
    name = one_line(as_words(title)) or one_line(_from_name(raw.name)) or "Untitled"
    origin = raw.origin if raw.origin.isprintable() else one_line(raw.origin, 2_000)
    return CollectedDocument(origin, name, body, digest(raw.content), raw.media_type or PLAIN), findings


def _converted(raw: Raw, text: str) -> tuple[str, str, int]:
    """(title, Markdown, hidden characters)."""
    if raw.media_type == HTML:
        from aios.connectors.files.html import extract

        page = extract(text)
        # What the page's words spell out would be a link by now.
        return page.title, without_targets(page.markdown)[0], page.hidden
    if raw.media_type == RST:
        from aios.connectors.files.restructured import to_markdown

        return tidy(to_markdown(text))
    # Plain text becomes part of a Markdown record: what would be markup there is treated as such.
    title, markdown, hidden = tidy(text)
    if not title and (found := _PLAIN_TITLE.match(text)) and raw.media_type == PLAIN:
        title = found["title"].strip().lstrip("#").strip()
    return title, markdown, hidden


def _from_name(name: str) -> str:
    stem = PurePosixPath(name).name
    while PurePosixPath(stem).suffix.lower() in SUFFIXES:
        stem = PurePosixPath(stem).stem
    words = re.sub(r"[-_.]+", " ", stem).strip()
    return words[:1].upper() + words[1:]


def finding(origin: str, rule: str, message: str, hint: str, severity: Severity = Severity.ERROR) -> Finding:
    return Finding(one_line(origin), 0, 0, rule, message, hint, severity)
