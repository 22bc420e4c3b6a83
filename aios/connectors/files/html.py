"""A page's main content as Markdown: headings, paragraphs, lists, code, quotations, tables; nothing hidden.

Links keep their words and lose their targets: what is quoted from a stranger's page must not carry their links.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from aios.connectors.files.hiding import background, hidden_by, hides, says_background, vanishes

_DROPPED = frozenset(
    """
    script style noscript template svg math canvas iframe object embed form button input select textarea nav
    footer audio video map head meta link dialog menu
    """.split()  # noqa: SIM905 (a list of words reads best as words)
)
_BLOCKS = frozenset(
    """
    address article aside blockquote body center dd details div dl dt fieldset figcaption figure h1 h2 h3 h4
    h5 h6 header hgroup hr html li main ol p pre section summary table tbody td tfoot th thead tr ul
    """.split()  # noqa: SIM905 (a list of words reads best as words)
)
_ROLES = frozenset(("navigation banner contentinfo search complementary dialog alert menu toolbar").split())  # noqa: SIM905
_BOILERPLATE = re.compile(
    r"(?:^|[\s_-])(?:nav|navbar|navigation|sidebar|sphinxsidebar|breadcrumbs?|cookie|newsletter|share|social|"
    r"sr-only|visually-hidden|screen-reader-text|toc|contents-menu|pagination|advert|ads|skip|edit-?link|"
    r"viewcode-link|copybtn|related)(?:$|[\s_-])",
    re.IGNORECASE,
)
_ANCHOR = frozenset({"¶", "#", "§", "🔗", "link", "permalink", ""})
_LANGUAGE = re.compile(
    r"(?:^|\s)(?:language|lang|highlight|highlight-source|sourceCode|brush:)[-\s]?([A-Za-z0-9+#]{1,20})"
)
_NO_LANGUAGE = frozenset({"default", "none", "notranslate", "text", "plain"})
_SPACE = re.compile(r"[ \t\r\n\f]+")
# What would begin a block of Markdown where the page only has a word.
_STARTS_BLOCK = re.compile(r"(?:#{1,6}(?=\s|$)|[>+-](?=\s|$)|(?:\d{1,9})(?=[.)](?:\s|$))|={3,}\s*$|-{3,}\s*$|~{3,})")
_OF_HEAD = frozenset({"base", "link", "meta", "noscript", "script", "style", "template", "title"})
_PAPER = "background:white"
_DEEPEST = 150
_MAIN_SHARE = 0.2  # of the body's text, that an element must hold to be taken for the main content


@dataclass(slots=True)
class _Page:
    hidden: int = 0
    title: str = ""
    depth: int = 0
    parts: list[str] = field(default_factory=list)


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
    page = _Page()
    body = _body(root)
    _mark_hidden(root)
    main = _main(body)
    blocks = list(_blocks(main, page))
    title = _title(root, main)
    return Extract(title, "\n\n".join(block for block in blocks if block.strip()), page.hidden)


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


def _mark_hidden(root: Any) -> None:
    """What the page's own style sheets hide, and what has the colour of what is behind it, is marked as hidden."""
    sheets = [str(sheet.text or "") for sheet in root.iter("style")]
    unseen = {name for sheet in sheets for name in hidden_by(sheet)}
    # Where a sheet may darken the page, white text may well be seen.
    paper = "" if root.find(".//link[@rel='stylesheet']") is not None or any(map(says_background, sheets)) else _PAPER
    for element in root.iter():
        if not isinstance(element.tag, str):
            continue
        names = {f".{name}" for name in str(element.get("class") or "").split()} | {f"#{element.get('id')}"}
        if names & unseen or _vanishes(element, paper):
            element.set("hidden", "")


def _vanishes(element: Any, paper: str) -> bool:
    own = _style(element)
    if "color" not in own:
        return False
    styles = [own, *map(_style, element.iterancestors()), paper]
    said = next((style for style in styles if says_background(style)), "")
    behind = background(said)
    return behind is not None and vanishes(own, behind)


def _style(element: Any) -> str:
    """Its declarations, and what old attributes say of its colours."""
    style, color, behind = (str(element.get(name) or "") for name in ("style", "color", "bgcolor"))
    return style + (f";color:{color}" if color else "") + (f";background:{behind}" if behind else "")


def _length(element: Any) -> int:
    return sum(len(part.strip()) for part in element.itertext() if isinstance(part, str))


def _main(body: Any) -> Any:
    """The element that holds what the page is about."""
    whole = _length(body)
    for path in (".//main", ".//*[@role='main']", ".//article", ".//*[@itemprop='articleBody']", ".//*[@id='content']"):
        candidates = [each for each in body.iterfind(path) if _is_seen(each)]
        best = max(candidates, key=_length, default=None)
        if best is not None and _length(best) >= _MAIN_SHARE * whole:
            return best
    return body


def _title(root: Any, main: Any) -> str:
    heading = next((each for each in main.iter("h1") if _is_seen(each)), None)
    if heading is not None and (text := _inline(heading, _Page(), plain=True)):
        return text
    meta = root.find(".//meta[@property='og:title']")
    said = str(meta.get("content") or "") if meta is not None else ""
    title = root.find(".//title")
    text = said or (str(title.text_content()) if title is not None else "")
    first = next((each for each in main.iter("h2", "h3") if _is_seen(each)), None)
    words = _inline(first, _Page(), plain=True) if first is not None else ""
    if words and text.strip().casefold().startswith(words.casefold()):
        return words
    # "Caching — Example 2.1 documentation": the site's name is not the page's.
    return _SPACE.sub(" ", re.split(r"\s+[—|·»]\s+|\s+–\s+|\s+::\s+", text.strip(), maxsplit=1)[0]).strip()


def _is_hidden(element: Any) -> bool:
    get = element.get
    return (
        get("hidden") is not None or str(get("aria-hidden") or "").lower() == "true" or hides(str(get("style") or ""))
    )


def _is_seen(element: Any) -> bool:
    return not _is_hidden(element) and not any(_is_hidden(each) for each in element.iterancestors())


def _shown(element: Any) -> str:
    """The element's text without what is hidden in it."""
    parts = [element.text or ""]
    for child in element:
        if child.tag == "br":
            parts.append("\n")
        elif isinstance(child.tag, str) and child.tag not in _DROPPED and not _is_hidden(child):
            parts.append(_shown(child))
        parts.append(child.tail or "")
    return "".join(parts)


def _skipped(element: Any, page: _Page) -> bool:
    """Is the element no part of the text? What is hidden on purpose is counted."""
    if not isinstance(element.tag, str) or element.tag in _DROPPED or ":" in element.tag:
        return True
    if _is_hidden(element):
        page.hidden += _length(element)
        return True
    if str(element.get("role") or "").lower() in _ROLES:
        return True
    classes = f"{element.get('class') or ''} {element.get('id') or ''}"
    return (
        bool(classes.strip()) and element.tag not in {"body", "main", "article"} and bool(_BOILERPLATE.search(classes))
    )


def _is_anchor(element: Any) -> bool:
    """A link of a heading to itself, as documentation tools add it."""
    if element.tag != "a":
        return False
    classes = str(element.get("class") or "")
    text = str(element.text_content()).strip().casefold()
    return "headerlink" in classes or (text in _ANCHOR and str(element.get("href") or "").startswith("#"))


def _blocks(element: Any, page: _Page) -> Iterator[str]:
    """The element's content as blocks of Markdown; loose words between them become paragraphs."""
    page.depth += 1
    run: list[str] = [_words(element.text)]
    for child in element:
        if _skipped(child, page):
            run.append(_words(child.tail))
            continue
        if child.tag in _BLOCKS or _holds_blocks(child):
            yield from _paragraph(run)
            run = []
            if page.depth > _DEEPEST:
                yield _joined([_words(_shown(child))])
            else:
                yield from _block(child, page)
        else:
            run.append(_inline_of(child, page, plain=False))
        run.append(_words(child.tail))
    yield from _paragraph(run)
    page.depth -= 1


def _holds_blocks(element: Any) -> bool:
    return any(isinstance(child.tag, str) and child.tag in _BLOCKS for child in element)


def _paragraph(run: list[str]) -> Iterator[str]:
    text = _joined(run)
    if text:
        yield _escaped(text)


def _escaped(text: str) -> str:
    start = _STARTS_BLOCK.match(text)
    if start is None:
        return text
    if start[0].isdigit():
        return f"{start[0]}\\{text[start.end() :]}"
    return f"\\{text}"


def _block(element: Any, page: _Page) -> Iterator[str]:
    match element.tag:
        case "h1" | "h2" | "h3" | "h4" | "h5" | "h6":
            text = _inline(element, page)
            if text:
                yield f"{'#' * int(element.tag[1])} {text}"
        case "pre":
            yield from _listing(element)
        case "ul" | "ol":
            items = list(_items(element, page))
            if items:
                yield "\n".join(items)
        case "blockquote":
            inner = "\n\n".join(_blocks(element, page))
            if inner.strip():
                yield "\n".join(f"> {line}".rstrip() for line in inner.split("\n"))
        case "table":
            yield from _table(element, page)
        case "dt" | "summary":
            text = _inline(element, page, plain=True)
            if text:
                yield f"**{text.replace('*', '')}**"
        case "hr":
            return
        case _:
            yield from _blocks(element, page)


def _listing(element: Any) -> Iterator[str]:
    text = _shown(element).strip("\n")
    if not text.strip():
        return
    longest = max((len(run) for run in re.findall(r"`{3,}", text)), default=2)
    fence = "`" * (longest + 1)
    yield f"{fence}{_language(element)}\n{text.expandtabs(4)}\n{fence}"


def _language(element: Any) -> str:
    """What a listing is written in, as its classes or those around it say."""
    around = [element, *element.iterchildren("code"), *list(element.iterancestors())[:3]]
    for each in around:
        found = _LANGUAGE.search(str(each.get("class") or ""))
        if found and found[1].lower() not in _NO_LANGUAGE:
            return found[1].lower()
    return ""


def _items(element: Any, page: _Page) -> Iterator[str]:
    start = str(element.get("start") or "1")
    number = int(start) if start.isdigit() and len(start) < 8 else 1
    for child in element:
        if not isinstance(child.tag, str) or _skipped(child, page):
            continue
        blocks = [block for block in _blocks(child, page) if block.strip()]
        if not blocks:
            continue
        mark = f"{number}. " if element.tag == "ol" else "- "
        number += 1
        tight = all(block.startswith(("- ", "1. ")) for block in blocks[1:])
        body = ("\n" if tight else "\n\n").join(blocks)
        indent = " " * len(mark)
        yield mark + "\n".join(
            f"{indent}{line}" if line and index else line for index, line in enumerate(body.split("\n"))
        )


def _table(element: Any, page: _Page) -> Iterator[str]:
    """A table of short cells as one; anything else (layout, single column) as the blocks in it."""
    rows = [row for row in element.iter("tr") if _is_row_of(row, element, page) and not _skipped(row, page)]
    grid = [[cell for cell in row if cell.tag in {"td", "th"} and not _skipped(cell, page)] for row in rows]
    grid = [row for row in grid if row]
    width = max((len(row) for row in grid), default=0)
    nested = any(each is not element for each in element.iter("table"))
    listings = any(True for _ in element.iter("pre"))
    caption = element.find("caption")
    if caption is not None and not _skipped(caption, page) and (text := _inline(caption, page)):
        yield f"*{text.replace('*', '')}*"
    if width < 2 or nested or listings:
        for row in grid:
            for cell in row:
                yield from _blocks(cell, page)
        return
    cells = [[_cell(cell, page) for cell in row] + [""] * (width - len(row)) for row in grid]
    if not any(any(row) for row in cells):
        return
    head = cells[0] if all(cell.tag == "th" for cell in grid[0]) else [""] * width
    rest = cells[1:] if head is cells[0] else cells
    lines = [head, ["---"] * width, *rest]
    yield "\n".join(f"| {' | '.join(row)} |" for row in lines)


def _is_row_of(row: Any, table: Any, page: _Page) -> bool:
    """Is it a row of this very table, and in no part of it that is hidden?"""
    for each in row.iterancestors():
        if each is table:
            return True
        if each.tag == "table":
            return False
        if _is_hidden(each):
            page.hidden += _length(row)
            return False
    return False


def _cell(element: Any, page: _Page) -> str:
    return _SPACE.sub(" ", " ".join(_blocks(element, page))).replace("|", "\\|").strip()


# Words


def _words(text: str | None) -> str:
    """Text between tags: spaces folded, and what Markdown would take for emphasis or code left as words."""
    return re.sub(r"([*`\\])", r"\\\1", _SPACE.sub(" ", text)) if text else ""


def _joined(parts: list[str]) -> str:
    return re.sub(r" {2,}", " ", "".join(parts)).strip()


def _inline(element: Any, page: _Page, *, plain: bool = False) -> str:
    return _joined([_inline_content(element, page, plain=plain)])


def _inline_content(element: Any, page: _Page, *, plain: bool) -> str:
    page.depth += 1
    if page.depth > _DEEPEST:
        text = _words(_shown(element))
    else:
        parts = [_SPACE.sub(" ", element.text or "") if plain else _words(element.text)]
        for child in element:
            if not _skipped(child, page):
                parts.append(_inline_of(child, page, plain=plain))
            parts.append(_SPACE.sub(" ", child.tail or "") if plain else _words(child.tail))
        text = "".join(parts)
    page.depth -= 1
    return text


def _inline_of(element: Any, page: _Page, *, plain: bool) -> str:
    tag = element.tag
    if _is_anchor(element) or (tag == "sup" and "reference" in str(element.get("class") or "")):
        return ""
    if tag in {"br", "wbr", "img"}:
        return " " if tag == "br" else ""
    if tag in {"code", "kbd", "samp", "tt", "var"}:
        return _code(_SPACE.sub(" ", _shown(element)).strip(), plain=plain)
    inner = _inline_content(element, page, plain=plain)
    if plain or not inner.strip():
        return inner
    if tag == "q":
        return f"“{inner.strip()}”"
    mark = {"strong": "**", "b": "**", "em": "*", "i": "*", "cite": "*", "dfn": "*"}.get(tag, "")
    if not mark or "*" in inner.replace("\\*", ""):
        return inner
    before, after = inner[: len(inner) - len(inner.lstrip())], inner[len(inner.rstrip()) :]
    return f"{before}{mark}{inner.strip()}{mark}{after}"


def _code(text: str, *, plain: bool) -> str:
    if plain or not text:
        return text
    fence = "``" if "`" in text else "`"
    pad = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{fence}{pad}{text}{pad}{fence}"
