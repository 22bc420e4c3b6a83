"""`aios trace`: how a run went, and how long everything took."""

from __future__ import annotations

import shutil
import sys
from typing import TYPE_CHECKING

import click

from aios.cli.output import company, emit_json, json_option

if TYPE_CHECKING:
    from aios.trace.outline import Trace


@click.command(epilog="Example: aios trace raising-prices-for-existing-customers")
@click.argument("run")
@json_option
@click.pass_context
def command(ctx: click.Context, run: str, as_json: bool) -> None:  # noqa: FBT001
    """The trace of RUN: steps, agents, calls, searches, effects and waits, with times, tokens, cost and verdicts."""
    from aios.runs.tracing import trace_of

    here = company(ctx)
    trace = trace_of(here.context, here.resolve(run))
    if as_json:
        emit_json([span.as_dict() for span in trace.spans])
    else:
        _show(trace)


def _show(trace: Trace) -> None:
    from aios.trace.tree import lines

    width = shutil.get_terminal_size((100, 24)).columns if sys.stdout.isatty() else 0
    for line in lines(trace, width):
        click.echo("".join(_styled(piece.text, piece.look) for piece in line).rstrip())


def _styled(text: str, look: str) -> str:
    match look:
        case "":
            return text
        case "dim" | "bold":
            return click.style(text, **{look: True})
        case _:
            return click.style(text, fg=look)
