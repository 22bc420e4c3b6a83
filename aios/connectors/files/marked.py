"""Markdown from anywhere: without front matter, HTML and what only its source shows."""

from __future__ import annotations

import re
from html import unescape

from aios.connectors.files.hiding import WHITE, hides, says_background, vanishes
from aios.domain.front_matter import split

_CODE = (
    r"(?P<fenced>^ {0,3}(?P<fence>`{3,}(?=[^`\n]*$)|~{3,})[^\n]*\n(?:.*?\n)??(?: {0,3}(?P=fence)[`~]*[ \t]*$|\Z))"
    # in a list: fenced there and, where there is none, code by its indentation
    r"|(?P<deep>^(?P<indent> {4,}|\t+)(?P<inner>`{3,}|~{3,})[^`\n]*\n(?:(?P=indent)[^\n]*\n|[ \t]*\n)*?"
    r"(?P=indent)(?P=inner)[`~]*[ \t]*$)"
    r"|(?P<span>(?<![`\\])(?P<ticks>`+)(?!`)(?:(?!\n[ \t]*\n).){1,4000}?(?<!`)(?P=ticks)(?!`))"
)
_TOKEN = re.compile(
    rf"{_CODE}|(?P<comment><!--)|<(?P<close>/?)(?P<name>[a-z][a-z0-9-]*)(?=[\s/>])",
    re.MULTILINE | re.DOTALL | re.IGNORECASE,
)
_BLOCK_OF_CODE = re.compile(_CODE, re.MULTILINE | re.DOTALL)
_REST_OF_TAG = re.compile(r"(?:[^<>\"']|\"[^\"]*\"|'[^']*')*+>")
_LONGEST_TAG = 5_000
_ATTRIBUTE = re.compile(r"([^\s\"'<>/=]+)(?:\s*=\s*(\"[^\"]*\"|'[^']*'|[^\s\"'=<>`]+))?")
_KNOWN = frozenset(
    """
    a abbr address applet area article aside audio b base big blockquote body br button canvas center cite code dd del
    details dialog div dl dt em embed fieldset figcaption figure font footer form frame frameset h1 h2 h3 h4 h5 h6 head
    header hr html i img input ins kbd label li link main map mark menu meta nav ol option p param picture pre q s samp
    section select small source span strong sub summary sup table tbody td textarea tfoot th thead title tr track tt u
    ul var video wbr
    """.split()  # noqa: SIM905 (a list of words reads best as words)
)
_TARGET = r"(?:\([^()\n]{0,2000}(?:\([^()\n]{0,200}\)[^()\n]{0,2000})?\)|\[[^\[\]\n]{0,200}\])"
_LINKED = re.compile(
    rf"{_CODE}|(?P<image>!\[[^\[\]\n]{{0,500}}\]{_TARGET})"
    r"|(?P<note>^ {0,3}\[(?://|[Cc]omment|[Hh]idden)[^\]\n]{0,40}\]: *[#<][^\n]*$)"
    r"|(?P<definition>^(?:[ \t]{0,3}(?:[>*+-]|\d{1,9}[.)]))*[ \t]{0,3}\[(?!\^)(?P<label>[^\[\]\n]{1,200})\]:"
    r"[ \t]*\n?[ \t]*\S[^\n]*$\n?)"
    r"|<(?P<address>(?:[a-z][a-z0-9+.-]{1,31}:[^\s<>]*|[^\s<>@]{1,200}@[^\s<>]{1,200}))>"
    rf"|(?<!\\)\[(?P<words>[^\[\]]{{0,500}})\](?P<target>{_TARGET})?",
    re.MULTILINE | re.DOTALL | re.IGNORECASE,
)
_LEFT = re.compile(rf"{_CODE}|\]\(", re.MULTILINE | re.DOTALL)
_UNSEEN = frozenset({"script", "style", "template", "noscript", "svg", "math", "iframe", "object"})
_VOID = frozenset(
    {"area", "base", "br", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr"}
)
_CLOSED_BY_OTHERS = frozenset({"dd", "dt", "li", "p", "td", "th", "tr"})
_TITLE = re.compile(r"^(?:# +(?P<atx>[^\n]+?)(?: +#+)?|(?P<setext>[^\n]+)\n=+)[ \t]*$", re.MULTILINE)
_FRONT_TITLE = re.compile(r"^title:[ \t]*(?P<quote>[\"']?)(?P<title>[^\n]+?)(?P=quote)[ \t]*$", re.MULTILINE)


def tidy(text: str) -> tuple[str, str, int]:
    """(title, Markdown, characters of hidden text) of a document with `\\n` line ends; the title may be empty."""
    front, body, _ = split(text)
    body, hidden = _visible(body)
    body, notes = without_targets(body)
    hidden += notes
    stated = _FRONT_TITLE.search(front)
    if stated:
        return stated["title"], body, hidden
    shown = _TITLE.search(_BLOCK_OF_CODE.sub("", body))
    return ((shown["atx"] or shown["setext"]).strip() if shown else ""), body, hidden


def as_words(line: str) -> str:
    """A title from anywhere, without HTML and targets of links."""
    return without_targets(_visible(line)[0])[0]


def _visible(text: str) -> tuple[str, int]:
    """The text without its HTML and what that hides, code left alone; and how many characters were hidden."""
    kept: list[str] = []
    hidden = end = 0
    while found := _TOKEN.search(text, end):
        start, name = found.start(), (found["name"] or "").lower()
        kept.append(text[end:start])
        if not name and not found["comment"]:
            kept.append(found[0])
            end = found.end()
            continue
        rest = None if found["comment"] else _REST_OF_TAG.match(text, found.end(), found.end() + _LONGEST_TAG)
        if found["comment"]:
            end = _behind_comment(text, start)
            hidden += end - start
        elif rest is None:
            kept.append(text[start : found.end()])
            end = found.end()
        elif not found["close"] and name not in _VOID and (name in _UNSEEN or _is_hidden(rest[0])):
            end = rest.end() if rest[0].endswith("/>") and name in _UNSEEN else _behind(text, name, rest.end())
            hidden += end - start
        else:
            end = rest.end()
            if name not in _KNOWN:
                kept.append(text[start:end])
    return "".join([*kept, text[end:]]), hidden


def without_targets(text: str) -> tuple[str, int]:
    """Links as their words; images, and definitions of where links lead to, not at all; and how much was a note."""
    labels: set[str] = set()
    hidden = 0

    def seen(found: re.Match[str]) -> str:
        nonlocal hidden
        if found["note"]:
            hidden += len(found[0])
        if found["label"]:
            labels.add(found["label"].casefold())
        if found["note"] or found["image"] or found["definition"]:
            return ""
        if found["address"]:
            return found["address"]
        if found["words"] is None or not (found["target"] or found["words"].casefold() in labels):
            return found[0]
        return found["words"]

    # Twice: an image may be the words of a link, and what a word leads to is often defined at the end.
    words = _LINKED.sub(seen, _LINKED.sub(seen, text))
    # What is nested or broken in ways of its own is no link either, with a blank between.
    return _LEFT.sub(lambda found: "] (" if found[0] == "](" else found[0], words), hidden


def _behind_comment(text: str, start: int) -> int:
    end = text.find("-->", start + 2)
    return end + 3 if end >= 0 else len(text)


def _behind(text: str, name: str, start: int) -> int:
    """Where the element ends whose content begins at `start`."""
    depth, end = 1, start
    while found := _TOKEN.search(text, end):
        end = _behind_comment(text, found.start()) if found["comment"] else found.end()
        if (found["name"] or "").lower() != name:
            continue
        rest = _REST_OF_TAG.match(text, end, end + _LONGEST_TAG)
        if rest is not None:
            end = rest.end()
            depth += -1 if found["close"] else 1
        if depth == 0:
            return end
    blank = text.find("\n\n", start) if name in _CLOSED_BY_OTHERS else -1
    return blank if blank >= 0 else len(text)


def _is_hidden(attributes: str) -> bool:
    for name, value in _ATTRIBUTE.findall(attributes):
        said = unescape(value.strip("\"'"))
        match name.lower():
            case "hidden":
                return True
            case "aria-hidden" if said.strip().lower() == "true":
                return True
            case "style" if hides(said) or (not says_background(said) and vanishes(said, WHITE)):
                return True
            case "color" if vanishes(f"color:{said}", WHITE):
                return True
    return False
