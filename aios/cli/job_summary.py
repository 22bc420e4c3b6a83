"""What a job tells the person who opens its page: Markdown for Actions, the same on stderr."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import click

from aios.domain.unseen import without_unseen

_ESCAPE = re.compile(r"\\([<>`*_~$&\[\]|\\#+=.)-])")
LIMIT = 900_000  # bytes of a summary; Actions keeps 1 MiB


def cell(text: str) -> str:
    """Text from anywhere on one line of Markdown, with no markup of its own."""
    from aios.domain.event import one_line
    from aios.proposals.neutral import neutral

    return neutral(one_line(text, 400))


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; cells are text from anywhere."""
    lines = ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    lines += ["| " + " | ".join(cell(each) or "–" for each in row) + " |" for row in rows]
    return "\n".join(lines)


def tell(markdown: str, *, quiet: bool = False) -> None:
    """To the job's page, and to whoever reads its log: there without what keeps Markdown from being read in it."""
    from aios.app import actions

    actions.summary(markdown.encode()[:LIMIT].decode(errors="ignore"))
    if not quiet:
        click.echo(without_unseen(_ESCAPE.sub(r"\1", markdown)), err=True)
