"""`aios apply`: the effects of what was approved."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from aios.cli.output import company, emit_json, json_option, say
from aios.cli.standing import standing_data
from aios.domain.run import RunStatus
from aios.errors import AiosError, BusyError, Exit

if TYPE_CHECKING:
    from aios.app import Company


@click.command(epilog="Example: aios apply --dry-run")
@click.argument("runs", metavar="[ID]...", nargs=-1)
@click.option("--dry-run", is_flag=True, help="Show exactly what would be sent; send nothing.")
@json_option
@click.pass_context
def command(ctx: click.Context, runs: tuple[str, ...], dry_run: bool, as_json: bool) -> int:  # noqa: FBT001
    """Do what was approved (all of it, or of the runs ID): each effect at most once, each with a receipt.

    Where proposals are merged on a forge, those merges are verified first: who merged what, and whether it is what was
    shown. What is not approved by that is told, and the exit code says so.
    """
    here = company(ctx, quiet=as_json)
    shared = here.forge_settings is not None and not dry_run
    if shared:
        from aios.cli.apply_shared import apply_shared

        return apply_shared(here, runs, as_json=as_json)
    chosen = waiting(here, runs)
    if dry_run:
        return _dry_run(here, chosen, as_json=as_json)
    if not chosen:
        say("Nothing approved waits to be done.")
    return apply(here, chosen, as_json=as_json)


def waiting(here: Company, runs: tuple[str, ...]) -> list[str]:
    """The runs that are meant: those named, or all with approved effects."""
    if runs:
        return [here.resolve(run) for run in runs]
    return [item.run for item in here.inbox() if item.kind == "approved" or item.held]


def apply(here: Company, runs: list[str], *, as_json: bool = False) -> int:
    """Carry the runs on with effects allowed; one run's failure does not hold up the others."""
    code, told, _ = carried(here, runs, as_json=as_json)
    if as_json:
        emit_json(told)
    return code


def carried(here: Company, runs: list[str], *, as_json: bool) -> tuple[int, list[dict[str, Any]], dict[str, str]]:
    """The exit code, where each run stands, and why others do not: by run."""
    from aios.runs.conductor import carry_on

    code: int = Exit.OK
    told: list[dict[str, Any]] = []
    wrong: dict[str, str] = {}
    for run in runs:
        try:
            standing = carry_on(here.context, run, effects=True)
        except BusyError as error:
            say(f"{run}: {error}")
            wrong[run] = str(error)
            code = Exit.REFUSED
            continue
        except AiosError as error:
            say(f"{run}: {error}")
            wrong[run] = str(error)
            code = error.exit_code
            continue
        told.append(standing_data(standing))
        if not as_json and standing.question:
            from aios.cli.standing import report

            report(standing)
        elif not as_json and standing.until:
            say(f"{run}: next is `{standing.step}` at {standing.until} ({standing.why})")
        elif not as_json and standing.status is RunStatus.WAITING:
            say(f"{run}: {standing.why}")
            code = Exit.WAITING
        if standing.status is RunStatus.FAILED or standing.question:
            code = Exit.FAILED if standing.status is RunStatus.FAILED else Exit.WAITING
    return code, told, wrong


def _dry_run(here: Company, runs: list[str], *, as_json: bool) -> int:
    from aios.runs.effects import pending

    planned = [effect for run in runs for effect in pending(here.context, run)]
    if as_json:
        emit_json(
            [{"key": e.key, "summary": e.summary, "target": e.target, "payload": dict(e.payload)} for e in planned]
        )
        return Exit.OK
    for effect in planned:
        click.echo(
            f"{effect.summary}\n  {effect.connector} {effect.capability} → {effect.target}\n  key {effect.key}\n"
        )
        click.echo(effect.preview)
    if not planned:
        say("Nothing would be sent.")
    return Exit.OK
