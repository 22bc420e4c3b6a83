"""`aios show`: a proposal's review text."""

from __future__ import annotations

import sys
from contextlib import suppress
from dataclasses import asdict

import click

from aios.cli.output import company, emit_json, json_option
from aios.errors import BusyError


@click.command(epilog="Example: aios show pricing-page-teardown")
@click.argument("proposal", metavar="ID")
@click.option("--full", is_flag=True, help="The whole preview, however long.")
@click.option("--markdown", is_flag=True, help="Markdown as it is, also on a terminal.")
@json_option
@click.pass_context
def command(ctx: click.Context, proposal: str, full: bool, markdown: bool, as_json: bool) -> None:  # noqa: FBT001
    """What proposal ID asks, why, from which evidence, at what cost, and exactly what happens on approval."""
    from aios.proposals.review import PREVIEW_LINES, render
    from aios.runs.gate import show_as_it_is
    from aios.runs.reviewing import review_of

    here = company(ctx)
    run = here.resolve(proposal)
    with suppress(BusyError):  # somebody works on it: shown as it was
        show_as_it_is(here.context, run)
    review = review_of(here.context, run)
    if as_json:
        emit_json(asdict(review))
        return
    text = render(review, preview_lines=sys.maxsize if full else PREVIEW_LINES)
    if markdown or not sys.stdout.isatty():
        click.echo(text, nl=False)
        return
    from rich.console import Console
    from rich.markdown import Markdown

    from aios.cli.terminal import as_it_is

    Console(file=as_it_is()).print(Markdown(text.split("<!--", 1)[0]))
