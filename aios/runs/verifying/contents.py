"""What is in the files and messages of a handoff: text, no secrets, links that lead somewhere, records in order."""

from __future__ import annotations

import html
import posixpath
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING
from urllib.parse import unquote

from aios.domain.effect import Connector
from aios.domain.finding import Finding, Severity
from aios.domain.front_matter import split
from aios.domain.tree import Tree
from aios.runs.checking import check_company
from aios.runs.verifying.told import wrong
from aios.store.secrets import KNOWN, worth_a_look

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

FILE = 4 * 1024 * 1024  # bytes of one file; an agent's are held to less by its contract
_ATTRIBUTE = re.compile(
    r"\b(?:(?P<loaded>src|srcset|poster|data|action|background)|href)\s{0,9}=\s{0,9}[\"']?(?P<target>[^\s\"'>]{1,2000})",
    re.IGNORECASE,
)
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*):", re.IGNORECASE)
_HARMLESS = frozenset({"http", "https", "mailto", "tel"})
_UNSEEN = re.compile(r"[\x00-\x20]")


def text_of(path: str, content: bytes) -> tuple[str | None, list[Finding]]:
    """A file's text, and why it has none."""
    if len(content) > FILE:
        return None, [wrong("size", path, f"it has {len(content)} bytes, more than the {FILE} that a file may have")]
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        return None, [wrong("text", path, f"it is not UTF-8: {error.reason} at byte {error.start}")]
    if "\0" in text:
        return None, [wrong("text", path, "it holds a NUL: it is no text")]
    return text, []


def secrets(place: str, before: str, after: str, known: Callable[[str], bool]) -> list[Finding]:
    """What looks like a key and was not there before; `known` says whether a text from outside, kept as a source, shows
    it (an example in a manual that is quoted is no secret of ours)."""
    if not worth_a_look(after):
        return []
    old = set(_keys(before))
    new = [each for each in dict.fromkeys(_keys(after)) if each not in old and not known(each)]
    hint = "replace it at its service: whoever made the handoff has seen it"
    return [wrong("secret", place, "it holds what looks like a secret", hint)] if new else []


def _keys(text: str) -> Iterator[str]:
    for match in KNOWN.finditer(text):
        yield match[0]


def links(
    path: str, before: str, after: str, exists: Callable[[str], bool], known: Callable[[str], bool]
) -> list[Finding]:
    """Links that an added or changed page of Markdown did not have: to what runs, to what is loaded from elsewhere
    whenever somebody looks, to a file that is not there. What a source from outside shows may be quoted, unless it
    runs."""
    if not path.endswith(".md"):
        return []
    old = set(_targets(before))
    found = []
    for target, loaded in dict.fromkeys(_targets(after)):
        if (target, loaded) in old:
            continue
        shown = f"`{target[:80]}`"
        scheme = _SCHEME.match(_UNSEEN.sub("", unquote(target)))
        if scheme and scheme[1].casefold() not in _HARMLESS:
            hint = "only http, https, mailto and tel are linked to"
            found.append(wrong("link", path, f"it links to {shown}, which may run something", hint))
        elif loaded and (scheme or target.startswith("//")) and not known(target):
            hint = "put the picture into the company, and show that"
            found.append(wrong("link", path, f"{shown} would be loaded from elsewhere by whoever reads it", hint))
        elif not scheme and not _leads_somewhere(path, target, exists) and not known(target):
            found.append(wrong("link", path, f"it links to {shown}, and there is no such file", "mend the link"))
    return found


def _targets(text: str) -> Iterator[tuple[str, bool]]:
    """What is linked to, and whether it is loaded by whoever looks at the page."""
    for token in _tokens(text):
        if token.type == "link_open":
            yield str(token.attrGet("href") or ""), False
        elif token.type == "image":
            yield str(token.attrGet("src") or ""), True
        elif token.type.startswith("html_"):
            for match in _ATTRIBUTE.finditer(token.content):
                yield html.unescape(match["target"]), bool(match["loaded"])


def _tokens(text: str) -> Iterator[Token]:
    for block in _parser().parse(split(text)[1]):
        yield block
        yield from _inner(block)


def _inner(token: Token) -> Iterator[Token]:
    for each in token.children or ():
        yield each
        yield from _inner(each)


@cache
def _parser() -> MarkdownIt:
    """As git hosts read it, and every address kept as it is written: what they would leave out is told."""
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark").enable("table")
    parser.validateLink = lambda url: True  # type: ignore[method-assign]  # noqa: ARG005 - the name is theirs
    parser.normalizeLink = lambda url: url  # type: ignore[method-assign]
    return parser


def _leads_somewhere(path: str, target: str, exists: Callable[[str], bool]) -> bool:
    place = unquote(target).partition("#")[0].partition("?")[0]
    if not place or place.startswith("/"):
        return True  # within the page, or on the site that it will be published on
    there = posixpath.normpath(posixpath.join(posixpath.dirname(path), place))
    return exists(there) or exists(place)


def disorder(
    before: Tree, after: Tree, changed: Iterable[str], connectors: Callable[[Tree], Mapping[str, Connector]]
) -> list[Finding]:
    """What `aios check` finds wrong with the whole company that it did not find before."""
    if not list(changed):
        return []

    def found_in(tree: Tree) -> list[Finding]:
        every = check_company(tree, cache=None, connectors=lambda there: (connectors(there), []))
        return [each for each in every if each.severity is Severity.ERROR]

    old = {(each.path, each.rule, each.message) for each in found_in(before)}
    new = [each for each in found_in(after) if (each.path, each.rule, each.message) not in old]
    return [replace(each, rule=f"handoff.check.{each.rule}") for each in new]
