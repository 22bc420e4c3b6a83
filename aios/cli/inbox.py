"""`aios inbox`: what waits."""

from __future__ import annotations

import click

from aios.cli.output import company, emit_json, json_option, say
from aios.errors import Exit

COLOURS = {"question": "yellow", "failed": "red", "denied": "red", "effect": "red", "confirm": "magenta"}

EVIDENCE = 8  # lines; `--json` has them all


@click.command(epilog="Example: aios inbox --json | jq '.[].command'")
@click.option("--all", "everything", is_flag=True, help="Also what merely waits for its time.")
@json_option
@click.pass_context
def command(ctx: click.Context, everything: bool, as_json: bool) -> int:  # noqa: FBT001
    """What waits for you, most urgent first; the same list and order everywhere."""
    found = [item for item in company(ctx).inbox() if everything or item.needs_you]
    if as_json:
        emit_json([item.as_dict() for item in found])
        return Exit.OK
    if not found:
        say("Nothing waits for you.")
    for item in found:
        kind = click.style(f"{item.kind:<11}", fg=COLOURS.get(item.kind, "cyan"))
        click.echo(f"{kind} {click.style(item.title, bold=True)}")
        click.echo(f"            {item.run or item.record}, since {item.since[:16].replace('T', ' ')}")
        if item.why:
            click.echo(f"            why: {item.why}")
        for line in item.evidence[:EVIDENCE]:
            click.echo(f"            - {line}" if line == line.lstrip() else f"            {line}")
        for number, option in enumerate(item.options, start=1):
            click.echo(f"              {number}. {option}")
        click.echo(f"            {click.style(item.command, fg='green')}")
    return Exit.OK
