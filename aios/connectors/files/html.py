"""A page's main content as Markdown: headings, paragraphs, lists, code, quotations, tables; nothing hidden.

Links keep their words and lose their targets: what is quoted from a stranger's page must not carry their links.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from aios.connectors.files.blocks import blocks, inline
from aios.connectors.files.seen import Page, is_seen, length, mark_hidden

_OF_HEAD = frozenset({"base", "link", "meta", "noscript", "script", "style", "template", "title"})
_MAIN_SHARE = 0.2  # of the body's text, that an element must hold to be taken for the main content
_SPACE = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class Extract:
    """`hidden` counts characters of text that no reader would have seen."""

    title: str
    markdown: str
    hidden: int


def extract(text: str) -> Extract:
    """The main content of an HTML page. Never fails: what is no HTML is text in a body."""
    from lxml import etree, html

    parser = html.HTMLParser(no_network=True, remove_comments=True, remove_pis=True, huge_tree=False, encoding="utf-8")
    try:
        root = html.document_fromstring(text.encode("utf-8", "replace"), parser=parser, ensure_head_body=True)
    except (etree.ParserError, etree.XMLSyntaxError, ValueError):
        return Extract("", "", 0)
    page = Page()
    body = _body(root)
    mark_hidden(root)
    main = _main(body)
    found = list(blocks(main, page))
    title = _title(root, main)
    return Extract(title, "\n\n".join(block for block in found if block.strip()), page.hidden)


def _body(root: Any) -> Any:
    """The body; where none is opened, the parser leaves newer elements in the head, and they are moved to it."""
    head, body = root.find("head"), root.find("body")
    if body is None:
        return root
    stray = [
        child
        for child in (head if head is not None else ())
        if isinstance(child.tag, str) and child.tag not in _OF_HEAD
    ]
    for child in reversed(stray):
        body.text, child.tail = None, f"{child.tail or ''}{body.text or ''}"
        body.insert(0, child)
    return body


def _main(body: Any) -> Any:
    """The element that holds what the page is about."""
    whole = length(body)
    for path in (".//main", ".//*[@role='main']", ".//article", ".//*[@itemprop='articleBody']", ".//*[@id='content']"):
        candidates = [each for each in body.iterfind(path) if is_seen(each)]
        best = max(candidates, key=length, default=None)
        if best is not None and length(best) >= _MAIN_SHARE * whole:
            return best
    return body


def _title(root: Any, main: Any) -> str:
    heading = next((each for each in main.iter("h1") if is_seen(each)), None)
    if heading is not None and (text := inline(heading, Page(), plain=True)):
        return text
    meta = root.find(".//meta[@property='og:title']")
    said = str(meta.get("content") or "") if meta is not None else ""
    title = root.find(".//title")
    text = said or (str(title.text_content()) if title is not None else "")
    first = next((each for each in main.iter("h2", "h3") if is_seen(each)), None)
    words = inline(first, Page(), plain=True) if first is not None else ""
    if words and text.strip().casefold().startswith(words.casefold()):
        return words
    # "Caching — Example 2.1 documentation": the site's name is not the page's.
    return _SPACE.sub(" ", re.split(r"\s+[—|·»]\s+|\s+–\s+|\s+::\s+", text.strip(), maxsplit=1)[0]).strip()
