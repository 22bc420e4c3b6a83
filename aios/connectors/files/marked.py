"""Markdown from anywhere: without front matter, HTML and what only its source shows."""

from __future__ import annotations

import re

from aios.domain.front_matter import split

_CODE = re.compile(
    r"(?P<fenced>^ {0,3}(?P<fence>`{3,}|~{3,})[^\n]*\n(?:.*?\n)??(?: {0,3}(?P=fence)[`~]*[ \t]*$|\Z))"
    r"|(?P<ticks>`+)(?!`).+?(?<!`)(?P=ticks)(?!`)",
    re.MULTILINE | re.DOTALL,
)
_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_NOTE = re.compile(r"^ {0,3}\[(?://|comment|hidden)[^\]\n]{0,40}\]: *[#<][^\n]*$", re.MULTILINE | re.IGNORECASE)
_NAMES = (
    "a|abbr|address|article|aside|b|big|blockquote|br|center|cite|code|dd|del|details|div|dl|dt|em|figcaption|figure|font|"
    "footer|h[1-6]|header|hr|i|img|ins|kbd|li|main|mark|nav|ol|p|picture|pre|q|s|samp|section|small|source|span|strong|"
    "sub|summary|sup|table|tbody|td|tfoot|th|thead|tr|tt|u|ul|var|video|wbr"
)
_TAG = re.compile(rf"</?(?:{_NAMES})(?:\s[^<>]{{0,2000}})?/?>", re.IGNORECASE)
_UNSEEN = re.compile(
    r"<(?P<name>script|style|template|noscript|svg|iframe|object)\b[^<>]{0,2000}>.{0,100000}?</(?P=name)\s*>",
    re.IGNORECASE | re.DOTALL,
)
_HIDDEN = re.compile(
    r"<(?P<name>[a-z][a-z0-9]{0,20})\b[^<>]{0,500}?(?:\shidden\b|aria-hidden\s*=\s*.?true|display\s*:\s*none|visibility\s*:\s*hidden|"
    r"font-size\s*:\s*0)[^<>]{0,500}>.{0,20000}?</(?P=name)\s*>",
    re.IGNORECASE | re.DOTALL,
)
_TITLE = re.compile(r"^(?:# +(?P<atx>[^\n]+?)(?: +#+)?|(?P<setext>[^\n]+)\n=+)[ \t]*$", re.MULTILINE)
_FRONT_TITLE = re.compile(r"^title:[ \t]*(?P<quote>[\"']?)(?P<title>[^\n]+?)(?P=quote)[ \t]*$", re.MULTILINE)


def tidy(text: str) -> tuple[str, str, int]:
    """(title, Markdown, characters of hidden text) of a document with `\\n` line ends; the title may be empty."""
    front, body, _ = split(text)
    body, hidden = _outside_code(body)
    stated = _FRONT_TITLE.search(front)
    if stated:
        return stated["title"], body, hidden
    shown = _TITLE.search(_CODE.sub("", body))
    return ((shown["atx"] or shown["setext"]).strip() if shown else ""), body, hidden


def _outside_code(text: str) -> tuple[str, int]:
    kept: list[str] = []
    hidden = end = 0
    for code in _CODE.finditer(text):
        part, removed = _without_html(text[end : code.start()])
        kept += [part, code[0]]
        hidden += removed
        end = code.end()
    part, removed = _without_html(text[end:])
    return "".join([*kept, part]), hidden + removed


def _without_html(text: str) -> tuple[str, int]:
    hidden = 0
    for pattern in (_COMMENT, _NOTE, _UNSEEN, _HIDDEN):
        if pattern is not _NOTE and "<" not in text:
            continue
        for found in pattern.finditer(text):
            hidden += len(found[0])
        text = pattern.sub("", text)
    return _TAG.sub("", text), hidden
