"""`aios pause`: the one switch that stops every outgoing effect."""

from __future__ import annotations

import click

from aios.cli.output import company, say


@click.command(epilog="Example: aios pause        and later: aios pause --off")
@click.option("--off", is_flag=True, help="Allow effects again.")
@click.pass_context
def command(ctx: click.Context, off: bool) -> None:  # noqa: FBT001
    """Stop every outgoing effect on this machine at once.

    `outgoing: paused` in state/company.yaml stops them everywhere.
    """
    here = company(ctx)
    here.pause(on=not off)
    reason = here.paused()
    say(f"Outgoing effects are stopped: {reason}." if reason else "Outgoing effects are allowed.")
