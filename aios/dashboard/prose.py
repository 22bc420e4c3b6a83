"""Prose of records as HTML. It may come from outside: no markup of its own, no picture, no link but to the web."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from html import escape
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from aios.domain.unseen import with_unseen_shown

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

LONGEST = 200_000  # characters of one body
_LINKS = ("https://", "http://", "mailto:")


def prose(text: str) -> Markup:
    """As sections of a page that has its own first heading: the text's highest is of the second level, none is left
    out in between."""
    if len(text) > LONGEST:
        text = text[:LONGEST] + "\n\n…"
    parser = _parser()
    tokens = parser.parse(with_unseen_shown(text))
    _set_levels(tokens)
    return Markup(parser.renderer.render(tokens, parser.options, {}))  # noqa: S704  the parser passes no markup on


def _set_levels(tokens: Sequence[Token]) -> None:
    above: list[int] = []  # the levels of the headings that the next one may stand under
    for token in tokens:
        if token.type in {"heading_open", "heading_close"}:
            if token.type == "heading_open":
                level = int(token.tag[1])
                above = [each for each in above if each < level] + [level]
            token.tag = f"h{min(6, len(above) + 1)}"


@lru_cache(maxsize=1)
def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark", {"html": False, "maxNesting": 50}).enable(["table", "strikethrough"])
    parser.disable("image")
    parser.validateLink = lambda url: url.casefold().startswith(_LINKS)  # type: ignore[method-assign]

    def away(self: Any, tokens: Any, index: int, options: Any, env: Any) -> str:
        tokens[index].attrSet("rel", "noreferrer nofollow")
        return str(self.renderToken(tokens, index, options, env))

    def listing(self: Any, tokens: Any, index: int, options: Any, env: Any) -> str:
        del self, options, env
        return f'<pre tabindex="0"><code>{escape(tokens[index].content)}</code></pre>\n'

    def wide(self: Any, tokens: Any, index: int, options: Any, env: Any) -> str:
        del self, tokens, index, options, env
        return '<div class="wide" tabindex="0"><table>'

    def end(self: Any, tokens: Any, index: int, options: Any, env: Any) -> str:
        del self, tokens, index, options, env
        return "</table></div>"

    rules = {"link_open": away, "fence": listing, "code_block": listing, "table_open": wide, "table_close": end}
    for name, rule in rules.items():
        parser.add_render_rule(name, rule)
    return parser
