"""`aios revert`: undo a run's effects."""

from __future__ import annotations

import click

from aios.cli.output import company, emit_json, json_option, say
from aios.domain.wording import counted
from aios.errors import Exit, RefusedError


@click.command(epilog="Example: aios revert pricing-page-teardown --dry-run")
@click.argument("run", metavar="ID")
@click.option("--reason", default="", help="Why; kept with the receipts.")
@click.option("--dry-run", is_flag=True, help="Show what would be undone; do nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
@click.pass_context
def command(ctx: click.Context, run: str, reason: str, dry_run: bool, yes: bool, as_json: bool) -> int:  # noqa: FBT001
    """Undo the effects of run ID in reverse order, each with its own receipt. Says first what cannot be undone."""
    from aios.runs.revert import plan_revert, revert

    here = company(ctx, quiet=as_json)
    name = here.resolve(run)
    plan = plan_revert(here.context, name)
    for undo in plan:
        mark = "will undo" if undo.compensation else "CANNOT undo"
        say(f"  {mark}: {undo.summary}")
    if not plan:
        say("The run had no effect outside this repository.")
    if dry_run or not plan:
        if as_json:
            emit_json([undo.as_dict() for undo in plan])
        return Exit.OK
    if not yes:
        if ctx.obj["no_input"]:
            raise RefusedError("this undoes what was published", "add --yes")
        click.confirm("Do it?", abort=True, err=True)
    receipts = revert(here.context, name, reason=reason)
    if as_json:
        emit_json([receipt.key for receipt in receipts])
    else:
        say(f"Undone: {counted(len(receipts), 'effect')}, each with its receipt.")
    return Exit.OK
