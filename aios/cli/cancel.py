"""`aios cancel`: stop a run for good."""

from __future__ import annotations

import click

from aios.cli.output import company, say


@click.command(epilog='Example: aios cancel pricing-page-teardown --reason "not this quarter"')
@click.argument("run", metavar="ID")
@click.option("--reason", default="", help="Why; kept in the log.")
@click.pass_context
def command(ctx: click.Context, run: str, reason: str) -> None:
    """Stop the run ID for good. Nothing that it wrote is lost; effects already done stay done (`aios revert`)."""
    from aios.runs.deciding import deciding
    from aios.runs.gate import cancel

    here = company(ctx)
    name = here.resolve(run)
    with deciding(here.context, name, say):
        cancel(here.context, name, reason=reason)
    say(f"Cancelled {name}.")
