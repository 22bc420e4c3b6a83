"""`aios revert`: undo a run's effects."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from aios.cli.output import company, emit_json, json_option, say
from aios.domain.event import one_line
from aios.domain.wording import counted
from aios.errors import Exit, RefusedError

if TYPE_CHECKING:
    from aios.runs.undoing import Undo


@click.command(epilog="Example: aios revert pricing-page-teardown --dry-run")
@click.argument("run", metavar="ID")
@click.option("--reason", default="", help="Why; kept with the receipts.")
@click.option("--dry-run", is_flag=True, help="Show exactly what would be sent to undo it; do nothing.")
@click.option("--confirm", "word", default="", metavar="WORD", help="The word that a strict policy asks for.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
@click.pass_context
def command(
    ctx: click.Context,
    run: str,
    reason: str,
    dry_run: bool,  # noqa: FBT001
    word: str,
    yes: bool,  # noqa: FBT001
    as_json: bool,  # noqa: FBT001
) -> int:
    """Undo the effects of run ID in reverse order, each with its own receipt. Says first what cannot be undone.

    Cut off in the middle, it goes on when it is called again: what is undone stays so, and nothing is undone twice.
    """
    from aios.runs.revert import plan_revert, revert

    here = company(ctx, quiet=as_json)
    name = here.resolve(run)
    plan = plan_revert(here.context, name)
    for undo in plan if not (dry_run and as_json) else ():
        _tell(undo)
    if not plan:
        say("The run had no effect outside this repository.")
    if dry_run or not plan:
        if as_json:
            emit_json([undo.as_dict() for undo in plan])
        elif dry_run:
            _show(plan)
        return Exit.OK
    if not yes and any(undo.compensation for undo in plan):
        if ctx.obj["no_input"]:
            raise RefusedError("this undoes what was published", "add --yes")
        click.confirm("Do it?", abort=True, err=True)
    receipts = revert(here.context, name, reason=reason, word=word)
    if as_json:
        emit_json([receipt.key for receipt in receipts])
    else:
        say(f"Undone: {counted(len(receipts), 'effect')}, each with its receipt.")
    return Exit.OK


def _tell(undo: Undo) -> None:
    """One effect in a line or two, as a person decides."""
    if undo.compensation is None:
        say(f"  CANNOT be undone: {one_line(undo.summary)} ({one_line(undo.why)})")
    else:
        say(f"  {'undone already' if undo.receipt else 'will undo'}: {one_line(undo.summary)}")
    for line in undo.told:
        say(f"    {one_line(line, 400)}")


def _show(plan: list[Undo]) -> None:
    """What would be sent, exactly."""
    for undo in plan:
        effect = undo.compensation
        if effect is not None and undo.preview is not None and undo.receipt is None:
            place = f"{effect.connector} {effect.capability} → {one_line(effect.target)}"
            click.echo(f"{one_line(undo.summary)}\n  {place}\n  key {effect.key}\n")
            click.echo(undo.preview.text)
