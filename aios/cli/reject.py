"""`aios reject`: close a proposal."""

from __future__ import annotations

import click

from aios.cli.output import company, say


@click.command(epilog='Example: aios reject pricing-page-teardown --reason "too close to the March piece"')
@click.argument("proposal", metavar="ID")
@click.option("--reason", required=True, help="Why; it is kept and later runs can learn from it.")
@click.pass_context
def command(ctx: click.Context, proposal: str, reason: str) -> None:
    """Close the proposal ID. Its branch is kept under refs/aios/closed/."""
    from aios.runs.deciding import deciding
    from aios.runs.gate import reject

    here = company(ctx)
    run = here.resolve(proposal)
    with deciding(here.context, run, say):
        reject(here.context, run, reason=reason)
    say(f"Rejected {run}. What it wrote stays at refs/aios/closed/{run.split('/')[2]}.")
    say("Your reason comes back as a lesson with the next proposal.")
