"""Inline markup of reStructuredText as Markdown: roles, links and references as words, literals as code."""

from __future__ import annotations

import re
from collections.abc import Mapping

_ROLE = re.compile(r":(?P<role>[A-Za-z][\w:+.-]*):`(?P<text>[^`]{1,300})`")
_TARGETED = re.compile(r"(?P<title>.*?)\s*<[^>]*>\Z", re.DOTALL)
_NAMED = re.compile(r"`(?P<text>[^`<]{1,300}?)\s*<[^`>]{1,500}>`__?")
_REFERENCE = re.compile(r"`(?P<text>[^`]{1,300})`__?(?![`\w])")
_TARGET = re.compile(r"(?<!\w)_`(?P<text>[^`]{1,300})`")
_LITERAL = re.compile(r"``(?P<text>.+?)``(?!`)", re.DOTALL)
_WORD_REFERENCE = re.compile(r"\b(?P<text>[A-Za-z][A-Za-z0-9-]{0,60})__?(?=[\s.,;:)]|$)")
_FOOTNOTE = re.compile(r" ?\[(?:#[\w-]*|\*|\d+)\]_")
_SUBSTITUTION = re.compile(r"^\.\. \|(?P<name>[^|\n]{1,60})\| (?P<kind>[\w-]+)::[ \t]*(?P<text>.*)$", re.MULTILINE)
_SUBSTITUTED = re.compile(r"\|(?P<name>[A-Za-z][^|\n]{0,60})\|_{0,2}")
_WORDS = frozenset(
    """
    ref doc term guilabel menuselection abbr title strong emphasis sup sub dfn any numref issue gh pr user cve
    """.split()  # noqa: SIM905 (a list of words reads best as words)
)


def substitutions(text: str) -> dict[str, str]:
    """The words that a document's substitutions stand for."""
    return {
        found["name"]: found["text"].strip() for found in _SUBSTITUTION.finditer(text) if found["kind"] == "replace"
    }


def words_of(text: str, said: Mapping[str, str]) -> str:
    """Inline markup as Markdown; `said` are the words that substitutions stand for."""
    parts = _LITERAL.split(_SUBSTITUTED.sub(lambda found: said.get(found["name"], found[0]), text) if said else text)
    for index in range(0, len(parts), 2):
        part = _ROLE.sub(_role, parts[index])
        part = _NAMED.sub(lambda found: _folded(found["text"]), part)
        part = _FOOTNOTE.sub("", part)
        part = _TARGET.sub(lambda found: _folded(found["text"]), part)
        part = _REFERENCE.sub(lambda found: _folded(found["text"]), part) if "`_" in part else part
        parts[index] = _WORD_REFERENCE.sub(lambda found: found["text"], part).replace("\\ ", "")
    for index in range(1, len(parts), 2):  # every second one is literal
        fence = "``" if "`" in parts[index] else "`"
        parts[index] = f"{fence}{_folded(parts[index])}{fence}"
    return "".join(parts)


def _folded(text: str) -> str:
    return " ".join(text.split())


def _role(found: re.Match[str]) -> str:
    role = found["role"].rpartition(":")[2].lower()
    titled = _TARGETED.match(found["text"])
    text = _folded(titled["title"] if titled and titled["title"] else found["text"]).strip("<>")
    if role in {"pep", "rfc"}:
        return f"{role.upper()} {text}"
    if titled and titled["title"]:
        return text if role in _WORDS or " " in text else f"`{text}`"
    text = text.lstrip("~!.")
    if role == "doc":
        text = text.strip("/").removesuffix("/index").rpartition("/")[2]
    if role in {"doc", "ref", "numref"}:
        text = text.replace("-", " ").replace("_", " ")
    return text if role in _WORDS else f"`{text}`"
