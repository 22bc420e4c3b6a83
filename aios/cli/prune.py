"""`aios prune`: forget old recordings and spans."""

from __future__ import annotations

from datetime import timedelta

import click

from aios.cli.output import company, say
from aios.domain.wording import counted
from aios.errors import UsageError


@click.command(epilog="Example: aios prune --older 90d --dry-run")
@click.option(
    "--older", default="180d", show_default=True, metavar="AGE", help="Of runs that began so long ago: 90d, 8w."
)
@click.option("--dry-run", is_flag=True, help="Only say what would be forgotten.")
@click.pass_context
def command(ctx: click.Context, older: str, dry_run: bool) -> None:  # noqa: FBT001
    """Forget the recordings and spans of old runs on `aios/traces`.

    The log, the files and what each step saw and why stay. A run without its recording can no longer be replayed where
    it asked a model or a service.
    """
    from aios.runs.duration import seconds
    from aios.runs.pruning import prune

    here = company(ctx)
    try:
        age = timedelta(seconds=seconds(older))
    except ValueError as error:
        raise UsageError(str(error), "write 90d, 8w or 12h") from error
    done = prune(here.context, before=here.clock() - age, dry_run=dry_run)
    if not done.files:
        say(f"nothing on aios/traces is older than {older}")
        return
    what = f"{counted(done.files, 'file')} of {counted(done.runs, 'run')}, {done.size / 1024:.0f} KiB"
    say(f"{what} would be forgotten" if dry_run else f"forgot {what}")
