"""Text from outside, as Markdown that shows it and does nothing: no mention, link, image, heading, HTML, task, formula
or closing keyword of its own. Git hosts look for those in what is shown, so an escape alone does not stop them all."""

from __future__ import annotations

import re
from urllib.parse import quote

from aios.domain.unseen import with_unseen_shown, without_unseen

_JOINER = "\u2060"  # seen by nobody, and in the way of what looks for mentions
_MENTION = re.compile(r"(?<![\w`])@(?=\w)")
_REFERENCE = re.compile(r"(#|\bGH-)(?=\d)", re.IGNORECASE)  # of an issue, with a closing keyword before it or without
# Git hosts make links of bare addresses; as code they are read, and copied, and lead nowhere.
_ADDRESS = re.compile(
    r"((?:\b[a-z][a-z0-9+.-]{1,20}://|\bwww\.|\b(?:mailto|xmpp):)[^\s`|<>\\]+"
    r"|(?<![\w.+-])[\w.+-]{1,64}@[a-z0-9-]+(?:\.[a-z0-9-]+)+)",
    re.IGNORECASE,
)
_BLOCK = re.compile(r"^(\d*)([#+\-=~.)])")  # what would make a line a heading, a list or a rule
_CUT = "…"
_SAFE = re.compile(r"https?://[\w.~:/?#@!$&'*+,;=%-]{1,2000}", re.ASCII)


def neutral(text: str, limit: int = 0) -> str:
    """Outside text within a line of ours: visible, on one line, no markup of its own; cut to `limit` characters."""
    parts = _ADDRESS.split(_line(text, limit))
    parts[::2] = map(_escaped, parts[::2])
    parts[1::2] = (f"`{address}`" for address in parts[1::2])
    return _BLOCK.sub(lambda match: f"{match.group(1)}\\{match.group(2)}", "".join(parts))


def plain(text: str, limit: int) -> str:
    """A title: one line that no Markdown is read in, but mentions and closing keywords are."""
    line = _line(text, limit)
    return cut(_REFERENCE.sub(rf"\1{_JOINER}", _MENTION.sub(f"@{_JOINER}", line)), limit)


def _line(text: str, limit: int) -> str:
    """The text on one line without what is unseen; of a long one no more is looked at than can be shown."""
    part = text[: 8 * limit] if limit else text
    line = without_unseen(" ".join(part.split()))
    if not limit:
        return line
    return cut(line, limit) if len(part) == len(text) or len(line) > limit else cut(line, limit - 1) + _CUT


def cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: max(0, limit - 1)].rstrip() + _CUT


def _escaped(text: str) -> str:
    text = _MENTION.sub(f"@{_JOINER}", text)
    text = _REFERENCE.sub(rf"\1{_JOINER}", text)
    return re.sub(r"([<>`*_~$&\[\]|\\])", r"\\\1", text)


def code(text: str, limit: int = 0) -> str:
    """A path or place as code, whatever is in it."""
    return f"`{_line(text, limit).replace('`', '’') or '–'}`"


def link(shown: str, url: str) -> str:
    """A link of ours (none where the address is empty); `shown` is Markdown already."""
    return f"[{shown}]({url})" if url else shown


def outside_link(shown: str, url: str) -> str:
    """A link to what a service says is there; as code where the address is none that a browser should be given."""
    if _SAFE.fullmatch(url):
        return f"[{shown}]({url})"
    return code(url, 500) if url else ""


def address(*parts: str) -> str:
    """An address of ours from its parts; in each, all but slashes that would end a link or begin a query is quoted."""
    return "/".join([parts[0].rstrip("/"), *(quote(part, safe="/:@-._~") for part in parts[1:])])


def plainly(line: str, limit: int = 0) -> str:
    """A line of ours that may name commands between backticks: they stay code, the rest is neutral."""
    shown = cut(line, limit) if limit else line
    return "".join(code(part) if number % 2 else _inside(part) for number, part in enumerate(shown.split("`")))


def _inside(text: str) -> str:
    """Neutral, and still apart from what stands before and after it."""
    before, after = (" " if text[at : at + 1 or None].isspace() else "" for at in (0, -1))
    return f"{before}{neutral(text)}{after}" if text.strip() else before


def fenced(text: str, *, language: str = "") -> str:
    """Outside text as a block: a fence longer than any inside it, and nothing in it unseen."""
    shown = with_unseen_shown(text.replace("\r\n", "\n")).rstrip("\n")
    longest = max((len(run) for run in re.findall(r"`{3,}", shown)), default=2)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{shown}\n{fence}"
