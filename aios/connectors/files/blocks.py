"""Elements of a page as blocks of Markdown, and the words in them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from aios.connectors.files.seen import Page, is_hidden, length, shown, skipped

_BLOCKS = frozenset(
    """
    address article aside blockquote body center dd details div dl dt fieldset figcaption figure h1 h2 h3 h4
    h5 h6 header hgroup hr html li main ol p pre section summary table tbody td tfoot th thead tr ul
    """.split()  # noqa: SIM905 (a list of words reads best as words)
)
_ANCHOR = frozenset({"¶", "#", "§", "🔗", "link", "permalink", ""})
_LANGUAGE = re.compile(
    r"(?:^|\s)(?:language|lang|highlight|highlight-source|sourceCode|brush:)[-\s]?([A-Za-z0-9+#]{1,20})"
)
_NO_LANGUAGE = frozenset({"default", "none", "notranslate", "text", "plain"})
_SPACE = re.compile(r"[ \t\r\n\f]+")
# What would begin a block of Markdown where the page only has a word.
_STARTS_BLOCK = re.compile(r"(?:#{1,6}(?=\s|$)|[>+-](?=\s|$)|(?:\d{1,9})(?=[.)](?:\s|$))|={3,}\s*$|-{3,}\s*$|~{3,})")
_DEEPEST = 150


def blocks(element: Any, page: Page) -> Iterator[str]:
    """The element's content as blocks of Markdown; loose words between them become paragraphs."""
    page.depth += 1
    run: list[str] = [_words(element.text)]
    for child in element:
        if skipped(child, page):
            run.append(_words(child.tail))
            continue
        if child.tag in _BLOCKS or _holds_blocks(child):
            yield from _paragraph(run)
            run = []
            if page.depth > _DEEPEST:
                yield _joined([_words(shown(child))])
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


def _block(element: Any, page: Page) -> Iterator[str]:
    match element.tag:
        case "h1" | "h2" | "h3" | "h4" | "h5" | "h6":
            text = inline(element, page)
            if text:
                yield f"{'#' * int(element.tag[1])} {text}"
        case "pre":
            yield from _listing(element)
        case "ul" | "ol":
            items = list(_items(element, page))
            if items:
                yield "\n".join(items)
        case "blockquote":
            inner = "\n\n".join(blocks(element, page))
            if inner.strip():
                yield "\n".join(f"> {line}".rstrip() for line in inner.split("\n"))
        case "table":
            yield from _table(element, page)
        case "dt" | "summary":
            text = inline(element, page, plain=True)
            if text:
                yield f"**{text.replace('*', '')}**"
        case "hr":
            return
        case _:
            yield from blocks(element, page)


def _listing(element: Any) -> Iterator[str]:
    text = shown(element).strip("\n")
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


def _items(element: Any, page: Page) -> Iterator[str]:
    start = str(element.get("start") or "1")
    number = int(start) if start.isdigit() and len(start) < 8 else 1
    for child in element:
        if not isinstance(child.tag, str) or skipped(child, page):
            continue
        found = [block for block in blocks(child, page) if block.strip()]
        if not found:
            continue
        mark = f"{number}. " if element.tag == "ol" else "- "
        number += 1
        tight = all(block.startswith(("- ", "1. ")) for block in found[1:])
        body = ("\n" if tight else "\n\n").join(found)
        indent = " " * len(mark)
        yield mark + "\n".join(
            f"{indent}{line}" if line and index else line for index, line in enumerate(body.split("\n"))
        )


def _table(element: Any, page: Page) -> Iterator[str]:
    """A table of short cells as one; anything else (layout, single column) as the blocks in it."""
    rows = [row for row in element.iter("tr") if _is_row_of(row, element, page) and not skipped(row, page)]
    grid = [[cell for cell in row if cell.tag in {"td", "th"} and not skipped(cell, page)] for row in rows]
    grid = [row for row in grid if row]
    width = max((len(row) for row in grid), default=0)
    nested = any(each is not element for each in element.iter("table"))
    listings = any(True for _ in element.iter("pre"))
    caption = element.find("caption")
    if caption is not None and not skipped(caption, page) and (text := inline(caption, page)):
        yield f"*{text.replace('*', '')}*"
    if width < 2 or nested or listings:
        for row in grid:
            for cell in row:
                yield from blocks(cell, page)
        return
    cells = [[_cell(cell, page) for cell in row] + [""] * (width - len(row)) for row in grid]
    if not any(any(row) for row in cells):
        return
    head = cells[0] if all(cell.tag == "th" for cell in grid[0]) else [""] * width
    rest = cells[1:] if head is cells[0] else cells
    lines = [head, ["---"] * width, *rest]
    yield "\n".join(f"| {' | '.join(row)} |" for row in lines)


def _is_row_of(row: Any, table: Any, page: Page) -> bool:
    """Is it a row of this very table, and in no part of it that is hidden?"""
    for each in row.iterancestors():
        if each is table:
            return True
        if each.tag == "table":
            return False
        if is_hidden(each):
            page.hidden += length(row)
            return False
    return False


def _is_anchor(element: Any) -> bool:
    """A link of a heading to itself, as documentation tools add it."""
    if element.tag != "a":
        return False
    classes = str(element.get("class") or "")
    text = str(element.text_content()).strip().casefold()
    return "headerlink" in classes or (text in _ANCHOR and str(element.get("href") or "").startswith("#"))


def _cell(element: Any, page: Page) -> str:
    return _SPACE.sub(" ", " ".join(blocks(element, page))).replace("|", "\\|").strip()


# Words


def _words(text: str | None) -> str:
    """Text between tags: spaces folded, and what Markdown would take for emphasis or code left as words."""
    return re.sub(r"([*`\\])", r"\\\1", _SPACE.sub(" ", text)) if text else ""


def _joined(parts: list[str]) -> str:
    return re.sub(r" {2,}", " ", "".join(parts)).strip()


def inline(element: Any, page: Page, *, plain: bool = False) -> str:
    return _joined([_inline_content(element, page, plain=plain)])


def _inline_content(element: Any, page: Page, *, plain: bool) -> str:
    page.depth += 1
    if page.depth > _DEEPEST:
        text = _words(shown(element))
    else:
        parts = [_SPACE.sub(" ", element.text or "") if plain else _words(element.text)]
        for child in element:
            if not skipped(child, page):
                parts.append(_inline_of(child, page, plain=plain))
            parts.append(_SPACE.sub(" ", child.tail or "") if plain else _words(child.tail))
        text = "".join(parts)
    page.depth -= 1
    return text


def _inline_of(element: Any, page: Page, *, plain: bool) -> str:
    tag = element.tag
    if _is_anchor(element) or (tag == "sup" and "reference" in str(element.get("class") or "")):
        return ""
    if tag in {"br", "wbr", "img"}:
        return " " if tag == "br" else ""
    if tag in {"code", "kbd", "samp", "tt", "var"}:
        return _code(_SPACE.sub(" ", shown(element)).strip(), plain=plain)
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
