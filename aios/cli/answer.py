"""`aios answer`: settle a question that a run asks."""

from __future__ import annotations

import click

from aios.cli.output import company, emit_json, json_option, say
from aios.cli.standing import exit_code, report, standing_data


@click.command(epilog="Example: aios answer pricing-page-teardown 1")
@click.argument("question", metavar="ID")
@click.argument("text", metavar="ANSWER")
@json_option
@click.pass_context
def command(ctx: click.Context, question: str, text: str, as_json: bool) -> int:  # noqa: FBT001
    """Answer the question of run ID, with an option's number or words, or freely where there are none."""
    from aios.runs.conductor import carry_on
    from aios.runs.gate import answer

    here = company(ctx, quiet=as_json)
    run = here.resolve(question)
    step = answer(here.context, run, text=text)
    say(f"{run}: `{step}` goes on")
    standing = carry_on(here.context, run)
    if as_json:
        emit_json(standing_data(standing))
    else:
        report(standing)
    return exit_code(standing)
