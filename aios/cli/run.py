"""`aios run`: start a workflow and carry it as far as it goes."""

from __future__ import annotations

import click

from aios.cli.output import company, emit_json, json_option, say
from aios.cli.standing import exit_code, report, standing_data


@click.command(
    epilog='Example: aios run publish-content --input topic="Pricing for freelancers" --input sources=notes/'
)
@click.argument("workflow")
@click.option("--input", "-i", "inputs", multiple=True, metavar="NAME=VALUE", help="An input; repeat for a list.")
@click.option("--replace", is_flag=True, help="Stop an open run on the same subject first.")
@json_option
@click.pass_context
def command(
    ctx: click.Context,
    workflow: str,
    inputs: tuple[str, ...],
    replace: bool,  # noqa: FBT001
    as_json: bool,  # noqa: FBT001
) -> int:
    """Start WORKFLOW and run it until it is done or something waits.

    A run that was interrupted goes on with `aios resume`.
    """
    from aios.runs.conductor import carry_on
    from aios.runs.start import start_run

    here = company(ctx, quiet=as_json)
    run = start_run(here.context, workflow, list(inputs), trigger=here.trigger(), replace=replace)
    say(f"{run}")
    standing = carry_on(here.context, run)
    if as_json:
        emit_json(standing_data(standing))
    else:
        report(standing)
    return exit_code(standing)
