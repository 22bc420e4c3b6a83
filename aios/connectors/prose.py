"""Markdown as a page: no HTML of the author's, headings to link to, footnotes, nothing fetched from elsewhere.

Images of other hosts become links, so that nobody but the site itself learns who reads it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from html import escape
from typing import Any
from urllib.parse import urlsplit

from aios.connectors.words import words
from aios.domain.slug import slug

# Where a link of the text leads: (address, is outside), or None for a link that leads nowhere.
Resolve = Callable[[str], tuple[str, bool] | None]
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Prose:
    """`words` counts the text without footnotes; `headings` are (id, text) of the second rank."""

    html: str
    words: int
    headings: tuple[tuple[str, str], ...]


def prose(text: str, *, title: str, language: str, resolve: Resolve, images: Mapping[str, str] | None = None) -> Prose:
    """The HTML of a text whose page already shows `title` as its first heading.

    `images` are the addresses of pictures by the source that the text names.
    """
    parser = _parser(language)
    tokens = parser.parse(text)
    tokens = _without_title(tokens, title)
    _lower(tokens)
    headings = _name(tokens, words(language)["anchor"])
    _place(tokens, resolve, images or {}, strict=False)
    html = str(parser.renderer.render(tokens, parser.options, {}))
    return Prose(html, _count(tokens), headings)


def plain_prose(
    text: str, *, title: str, language: str, resolve: Resolve, images: Mapping[str, str], within: str
) -> str:
    """The HTML of a text for a page that another program makes: elements and ids only, nothing of our own design.

    `within` sets its notes apart from those of other texts on the same page. A picture that is neither in `images`
    nor at an address of its own is shown as its words.
    """
    parser = _plain_parser(language)
    tokens = _without_title(parser.parse(text), title)
    _lower(tokens)
    _name(tokens, "")
    _place(tokens, resolve, images, strict=True)
    return str(parser.renderer.render(tokens, parser.options, {"docId": within}))


def pictures(text: str) -> tuple[tuple[str, str], ...]:
    """(source, words) of every picture that a text shows and that has no address of its own, in their order."""
    found: dict[str, str] = {}
    for token in _plain_parser("en").parse(text):
        for child in token.children or ():
            source = str(child.attrGet("src") or "") if child.type == "image" else ""
            if source and _scheme(source) == "" and not source.startswith(("/", "#")):
                found.setdefault(source, child.content)
    return tuple(found.items())


def _place(tokens: Sequence[Any], resolve: Resolve, images: Mapping[str, str], *, strict: bool) -> None:
    for token in tokens:
        if token.type == "inline":
            token.children = list(_inline(token.children or [], resolve, images, strict=strict))


@lru_cache(maxsize=4)
def _plain_parser(language: str) -> Any:
    from markdown_it import MarkdownIt
    from mdit_py_plugins.footnote import footnote_plugin

    parser = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
    parser.use(footnote_plugin)
    said = words(language)

    def notes(*_: Any) -> str:
        return f'<section class="footnotes" aria-label="{escape(said["notes"])}">\n<hr />\n<ol>\n'

    def back(_: Any, tokens: Sequence[Any], index: int, __: Any, env: Any) -> str:
        number, again = tokens[index].meta["id"] + 1, tokens[index].meta.get("subId", 0)
        name = f"fnref-{env['docId']}-{number}" + (f":{again}" if again else "")
        return f' <a href="#{name}" aria-label="{escape(said["back"])}">↩\ufe0e</a>'

    parser.add_render_rule("footnote_block_open", notes)
    parser.add_render_rule("footnote_anchor", back)
    return parser


@lru_cache(maxsize=4)
def _parser(language: str) -> Any:
    from markdown_it import MarkdownIt
    from mdit_py_plugins.footnote import footnote_plugin

    parser = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
    parser.use(footnote_plugin)
    said = words(language)

    def notes(*_: Any) -> str:
        head = f'<h2 id="notes">{escape(said["notes"])}</h2>'
        return f'<section class="footnotes" aria-labelledby="notes">\n{head}\n<ol>\n'

    def back(_: Any, tokens: Sequence[Any], index: int, *__: Any) -> str:
        number, again = tokens[index].meta["id"] + 1, tokens[index].meta.get("subId", 0)
        name = f"fnref{number}:{again}" if again else f"fnref{number}"
        return f' <a href="#{name}" class="back" aria-label="{escape(said["back"])}">↩\ufe0e</a>'

    def listing(renderer: Any, tokens: Sequence[Any], index: int, options: Any, env: Any) -> str:
        html = renderer.__class__.fence(renderer, tokens, index, options, env)
        return str(html).replace("<pre>", '<pre tabindex="0">', 1)

    def plain_listing(renderer: Any, tokens: Sequence[Any], index: int, options: Any, env: Any) -> str:
        html = renderer.__class__.code_block(renderer, tokens, index, options, env)
        return str(html).replace("<pre>", '<pre tabindex="0">', 1)

    parser.add_render_rule("footnote_block_open", notes)
    parser.add_render_rule("footnote_anchor", back)
    parser.add_render_rule("fence", listing)
    parser.add_render_rule("code_block", plain_listing)
    parser.add_render_rule("table_open", lambda *_: '<div class="wide" tabindex="0"><table>\n')
    parser.add_render_rule("table_close", lambda *_: "</table></div>\n")
    return parser


def _without_title(tokens: list[Any], title: str) -> list[Any]:
    """A first heading that repeats the page's title is not shown again."""
    if len(tokens) > 2 and tokens[0].type == "heading_open" and tokens[0].tag == "h1":
        said = " ".join(_WORD.findall(tokens[1].content.casefold()))
        if said == " ".join(_WORD.findall(title.casefold())):
            return tokens[3:]
    return tokens


def _lower(tokens: Sequence[Any]) -> None:
    """Headings begin at the second rank, for the first is the page's title."""
    ranks = [int(token.tag[1]) for token in tokens if token.type == "heading_open"]
    by = max(0, 2 - min(ranks)) if ranks else 0
    for token in tokens:
        if token.type in {"heading_open", "heading_close"}:
            token.tag = f"h{min(6, int(token.tag[1]) + by)}"


def _name(tokens: Sequence[Any], anchor: str) -> tuple[tuple[str, str], ...]:
    """Give every heading an id of its own, and a link to itself that is called `anchor`; none where that is empty."""
    from markdown_it.token import Token

    used = {"notes", "text"}
    named = []
    for index, token in enumerate(tokens):
        if token.type != "heading_open" or token.level:
            continue
        inline = tokens[index + 1]
        text = "".join(child.content for child in inline.children or () if child.type in {"text", "code_inline"})
        base = slug(text)
        name, number = base, 2
        while name in used:
            name, number = f"{base}-{number}", number + 1
        used.add(name)
        token.attrSet("id", name)
        if token.tag == "h2":
            named.append((name, text))
        if not anchor:
            continue
        link = Token("link_open", "a", 1, attrs={"class": "anchor", "href": f"#{name}", "aria-label": anchor})
        sign = Token("text", "", 0, content="#")
        inline.children = [*(inline.children or []), link, sign, Token("link_close", "a", -1)]
    return tuple(named)


def _inline(tokens: Sequence[Any], resolve: Resolve, images: Mapping[str, str], *, strict: bool) -> Sequence[Any]:
    from markdown_it.token import Token

    kept: list[Any] = []
    dropped: list[bool] = []
    for token in tokens:
        if token.type == "link_open":
            href = str(token.attrGet("href") or "")
            found = resolve(href) if not href.startswith("#") else (href, False)
            dropped.append(found is None)
            if found is None:
                continue
            token.attrSet("href", found[0])
            if found[1]:
                token.attrSet("rel", "external noopener")
        elif token.type == "link_close" and dropped and dropped.pop():
            continue
        elif token.type == "image":
            kept += _image(token, images, strict=strict, inside_link=bool(dropped), make=Token)
            continue
        kept.append(token)
    return kept


def _image(token: Any, images: Mapping[str, str], *, strict: bool, inside_link: bool, make: Any) -> list[Any]:
    """An image of this site stays; one from elsewhere becomes a link to it."""
    source, text = str(token.attrGet("src") or ""), token.content
    scheme = _scheme(source)
    if source in images or (scheme == "" and not source.startswith("//") and (not strict or source.startswith("/"))):
        token.attrSet("src", images.get(source, source))
        token.attrSet("loading", "lazy")
        return [token]
    label = make("text", "", 0, content=text or source)
    if inside_link or scheme not in {"http", "https"}:
        return [label]
    opening = make("link_open", "a", 1, attrs={"href": source, "rel": "external noopener"})
    return [opening, label, make("link_close", "a", -1)]


def _scheme(address: str) -> str | None:
    """None where it is no address."""
    try:
        return urlsplit(address).scheme
    except ValueError:
        return None


def _count(tokens: Sequence[Any]) -> int:
    count = 0
    for token in tokens:
        if token.type == "footnote_block_open":
            break
        if token.type == "inline":
            count += len(_WORD.findall(token.content))
    return count
