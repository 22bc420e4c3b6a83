"""Markdown as a mail: as plain text that reads well, and as HTML that fetches nothing and holds none of the author's.

Images become links: nobody is told who opens a mail. Links lead to https, http and mailto, or lose their target.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from functools import lru_cache
from html import escape
from typing import Any
from urllib.parse import urlsplit

_WIDTH = 76
_SCHEMES = frozenset({"http", "https", "mailto"})
_PAGE = (
    '<!DOCTYPE html>\n<html>\n<head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
    "<title>{title}</title></head>\n"
    '<body style="font-family:sans-serif;line-height:1.5;max-width:40em">\n{body}</body>\n</html>\n'
)


def as_html(text: str, title: str, *, leave: str = "") -> str:
    """`leave` is the address at which readers take themselves off a list, shown at the end."""
    parser = _parser()
    body = str(parser.renderer.render(_tokens(text), parser.options, {}))
    if leave:
        body += f'<hr>\n<p><a href="{escape(leave)}">Unsubscribe</a></p>\n'
    return _PAGE.format(title=escape(title), body=body)


def as_text(text: str, *, leave: str = "") -> str:
    """Lines of 76 characters where words allow it; links as `words <address>`."""
    blocks = list(_blocks(_tree(_tokens(text)), _WIDTH))
    if leave:
        blocks.append(f"Unsubscribe: {leave}")
    return "\n\n".join(blocks) + "\n"


@lru_cache(maxsize=1)
def _parser() -> Any:
    from markdown_it import MarkdownIt
    from mdit_py_plugins.footnote import footnote_plugin

    parser = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
    parser.use(footnote_plugin)

    # Programs for mail drop ids or make links to them lead nowhere: a number is all that a note needs.
    def mark(_: Any, tokens: Sequence[Any], index: int, *__: Any) -> str:
        return f"<sup>[{tokens[index].meta['id'] + 1}]</sup>"

    parser.add_render_rule("footnote_ref", mark)
    parser.add_render_rule("footnote_anchor", lambda *_: "")
    parser.add_render_rule("footnote_block_open", lambda *_: "<hr>\n<ol>\n")
    parser.add_render_rule("footnote_block_close", lambda *_: "</ol>\n")
    parser.add_render_rule("footnote_open", lambda *_: "<li>")
    return parser


def _tokens(text: str) -> list[Any]:
    tokens: list[Any] = _parser().parse(text)
    for token in tokens:
        if token.type == "inline":
            token.children = list(_safe(token.children or []))
    return tokens


def _safe(tokens: Sequence[Any]) -> Iterator[Any]:
    from markdown_it.token import Token

    kept: list[bool] = []
    for token in tokens:
        if token.type == "link_open":
            kept.append(_leads(str(token.attrGet("href") or "")))
            if not kept[-1]:
                continue
        elif token.type == "link_close":
            if not kept.pop():
                continue
        elif token.type == "image":
            source = str(token.attrGet("src") or "")
            label = Token("text", "", 0, content=token.content or source)
            if not any(kept) and _leads(source):
                yield from (Token("link_open", "a", 1, attrs={"href": source}), label, Token("link_close", "a", -1))
            else:
                yield label
            continue
        yield token


def _leads(address: str) -> bool:
    try:
        return urlsplit(address).scheme.lower() in _SCHEMES
    except ValueError:
        return False


# Plain text


def _tree(tokens: Sequence[Any]) -> list[Any]:
    """Tokens as (opening token, what is within) where they enclose something, else the token itself."""
    top: list[Any] = []
    open_: list[tuple[Any, list[Any]]] = []
    for token in tokens:
        here = open_[-1][1] if open_ else top
        if token.nesting == 1:
            open_.append((token, []))
        elif token.nesting == -1:
            closed = open_.pop()
            (open_[-1][1] if open_ else top).append(closed)
        else:
            here.append(token)
    return top


def _blocks(nodes: Sequence[Any], width: int) -> Iterator[str]:
    for node in nodes:
        if not isinstance(node, tuple):
            match node.type:
                case "inline":
                    yield _filled(_words(node), width)
                case "fence" | "code_block":
                    yield textwrap.indent(node.content.rstrip("\n"), "    ")
                case "hr":
                    yield "* * *"
            continue
        token, within = node
        match token.type:
            case "heading_open":
                title = " ".join(_words(within[0]).split())
                yield f"{title}\n{('=' if token.tag == 'h1' else '-') * min(len(title), width)}" if title else ""
            case "blockquote_open":
                yield textwrap.indent("\n\n".join(_blocks(within, width - 2)), "> ", lambda _: True)
            case "bullet_list_open" | "ordered_list_open":
                yield _list(token, within, width)
            case "footnote_block_open":
                yield "\n".join(_item(f"[{each[0].meta['id'] + 1}]", each[1], width) for each in within)
            case "table_open":
                yield "\n".join(_rows(within))
            case _:
                yield from _blocks(within, width)


def _list(token: Any, items: Sequence[Any], width: int) -> str:
    first = int(token.attrGet("start") or 1)
    ordered = token.type == "ordered_list_open"
    marks = [f"{first + number}." if ordered else "-" for number in range(len(items))]
    return "\n".join(_item(mark, item[1], width) for mark, item in zip(marks, items, strict=True))


def _item(mark: str, within: Sequence[Any], width: int) -> str:
    indent = " " * (len(mark) + 1)
    nested = [text for text in _blocks(within, max(20, width - len(indent))) if text]
    text = ("\n" if all(_is_tight(node) for node in within) else "\n\n").join(nested)
    return f"{mark} {textwrap.indent(text, indent).removeprefix(indent)}"


def _is_tight(node: Any) -> bool:
    return not isinstance(node, tuple) or node[0].type != "paragraph_open" or bool(node[0].hidden)


def _rows(nodes: Sequence[Any]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, tuple) and node[0].type == "tr_open":
            yield " | ".join(" ".join(_words(each) for each in cell[1]) for cell in node[1])
        elif isinstance(node, tuple):
            yield from _rows(node[1])


def _filled(text: str, width: int) -> str:
    """Each line of its own wrapped, addresses never broken."""
    return "\n".join(
        textwrap.fill(line, width, break_long_words=False, break_on_hyphens=False) for line in text.split("\n")
    )


def _words(inline: Any) -> str:
    parts: list[str] = []
    links: list[tuple[str, int]] = []
    for token in inline.children or ():
        match token.type:
            case "text":
                parts.append(token.content)
            case "code_inline":
                parts.append(token.content)
            case "em_open" | "em_close":
                parts.append("*")
            case "strong_open" | "strong_close":
                parts.append("**")
            case "softbreak":
                parts.append(" ")
            case "hardbreak":
                parts.append("\n")
            case "footnote_ref":
                parts.append(f" [{token.meta['id'] + 1}]")
            case "link_open":
                links.append((str(token.attrGet("href")), len(parts)))
            case "link_close":
                address, start = links.pop()
                said = "".join(parts[start:]).strip()
                if address not in {said, f"mailto:{said}"}:
                    parts.append(f" <{address}>" if said else f"<{address}>")
    return "".join(parts)
