"""`aios revise`: send a proposal back with a note."""

from __future__ import annotations

import click

from aios.cli.output import company, emit_json, json_option, say
from aios.cli.standing import exit_code, report, standing_data
from aios.errors import UsageError


@click.command(epilog='Example: aios revise pricing-page-teardown --note "shorter; drop section Discounts"')
@click.argument("proposal", metavar="ID")
@click.option("--note", required=True, help="What should be different.")
@click.option("--step", default="", help="Begin again at this step (default: the first agent step).")
@json_option
@click.pass_context
def command(ctx: click.Context, proposal: str, note: str, step: str, as_json: bool) -> int:  # noqa: FBT001
    """Send the proposal ID back and make it anew. Edits of your own on its branch are kept."""
    from aios.runs.conductor import carry_on
    from aios.runs.deciding import deciding
    from aios.runs.gate import revise

    if not note.strip():
        raise UsageError("the note is empty", 'say what should be different: --note "shorter; drop section X"')
    here = company(ctx, quiet=as_json)
    run = here.resolve(proposal)
    with deciding(here.context, run, say, merged=False):
        revise(here.context, run, note=note, step=step)
        say(f"{run}: sent back")
        standing = carry_on(here.context, run)
    if as_json:
        emit_json(standing_data(standing))
    else:
        report(standing)
    return exit_code(standing)
