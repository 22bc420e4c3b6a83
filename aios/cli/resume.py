"""`aios resume`: go on with what was interrupted or failed."""

from __future__ import annotations

import click

from aios.cli.output import company, emit_json, json_option, say
from aios.cli.standing import exit_code, report, standing_data
from aios.errors import Exit


@click.command(epilog="Example: aios resume --retry")
@click.argument("runs", metavar="[ID]...", nargs=-1)
@click.option("--retry", is_flag=True, help="Also try failed steps again.")
@json_option
@click.pass_context
def command(ctx: click.Context, runs: tuple[str, ...], retry: bool, as_json: bool) -> int:  # noqa: FBT001
    """Go on with the runs ID, or with all that were interrupted. What was finished is not done again."""
    from aios.runs.conductor import carry_on

    here = company(ctx, quiet=as_json)
    wanted = ("interrupted", "failed") if retry else ("interrupted",)
    chosen = [here.resolve(run) for run in runs] or [item.run for item in here.inbox() if item.kind in wanted]
    if not chosen:
        say("Nothing was interrupted.")
    code, told = int(Exit.OK), []
    for run in chosen:
        say(run)
        standing = carry_on(here.context, run, retry=retry)
        told.append(standing_data(standing))
        code = max(code, exit_code(standing))
        if not as_json:
            report(standing)
    if as_json:
        emit_json(told)
    return code
