"""What a job tells the person who opens its page: Markdown for Actions, the same on stderr."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import click

from aios.domain.unseen import without_unseen

_ESCAPE = re.compile(r"\\([<>`*_~$&\[\]|\\#+=.)-])")
LIMIT = 900_000  # bytes of a summary; Actions keeps 1 MiB


class Linked(NamedTuple):
    """A cell that leads somewhere: text and address from anywhere."""

    text: str
    url: str


def cell(text: str) -> str:
    """Text from anywhere on one line of Markdown, with no markup of its own."""
    from aios.domain.event import one_line
    from aios.proposals.neutral import neutral

    return neutral(one_line(text, 400))


def linked(text: str, url: str) -> str:
    """The same as a link, where a browser may be given the address; else with the address as code beside it."""
    from aios.proposals.neutral import outside_link

    shown = cell(text)
    link = outside_link(shown, url)
    return link if not link or link.startswith("[") else f"{shown} {link.replace('|', '%7C')}"


def table(columns: Sequence[str], rows: Iterable[Sequence[str | Linked]]) -> str:
    """A Markdown table; cells are text from anywhere."""
    lines = ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    lines += ["| " + " | ".join(_shown(each) or "–" for each in row) + " |" for row in rows]
    return "\n".join(lines)


def _shown(each: str | Linked) -> str:
    return linked(*each) or cell(each.text) if isinstance(each, Linked) else cell(each)


def tell(markdown: str, *, quiet: bool = False) -> None:
    """To the job's page, and to whoever reads its log: there without what keeps Markdown from being read in it."""
    from aios.app import actions

    actions.summary(markdown.encode()[:LIMIT].decode(errors="ignore"))
    if not quiet:
        click.echo(without_unseen(_ESCAPE.sub(r"\1", markdown)), err=True)
