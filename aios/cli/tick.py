"""`aios tick`: what is due."""

from __future__ import annotations

import click

from aios.cli.output import company, emit_json, json_option, say
from aios.cli.standing import report, standing_data
from aios.errors import AiosError, Exit


@click.command(epilog="Example: */15 * * * * cd ~/company && aios tick")
@click.option("--dry-run", is_flag=True, help="Tell what is due; start nothing.")
@json_option
@click.pass_context
def command(ctx: click.Context, dry_run: bool, as_json: bool) -> int:  # noqa: FBT001
    """Start what is due (schedules, events, signals) and go on with what waited for its time, effects included that
    `aios apply` began and that a policy, a cap or the service held back.

    Safe to call as often as you like and from several places at once: a trigger starts its run once.
    """
    from aios.runs.conductor import carry_on
    from aios.runs.tick import due_now, held_back, start_due, timers

    here = company(ctx, quiet=as_json)
    firings = due_now(here.context, here.trigger_keys())
    if dry_run:
        told = [
            {"workflow": f.workflow, "kind": f.kind, "at": f.at, "why": f.why, "inputs": dict(f.inputs)}
            for f in firings
        ]
        if as_json:
            emit_json(told)
        for row in told if not as_json else ():
            click.echo(f"{row['workflow']}  {row['kind']}  {row['at']}  {row['why']}")
        return Exit.OK
    code, results = int(Exit.OK), []
    started, items, now = start_due(here.context, firings, say), here.inbox(), here.context.now()
    held = held_back(items, now)
    runs = [*started, *timers(items, now), *held]
    for run in dict.fromkeys(runs):
        say(run)
        try:
            standing = carry_on(here.context, run, effects=run in held)
        except AiosError as error:
            say(f"  {error}")
            code = Exit.FAILED
            continue
        results.append(standing_data(standing))
        if not as_json:
            report(standing)
    if as_json:
        emit_json(results)
    elif not runs:
        say("Nothing is due.")
    return code
