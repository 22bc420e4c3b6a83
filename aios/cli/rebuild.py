"""`aios rebuild`: make everything derived anew."""

from __future__ import annotations

import time

import click

from aios.cli.output import company, say
from aios.domain.wording import counted


@click.command(epilog="Example: aios rebuild")
@click.pass_context
def command(ctx: click.Context) -> None:
    """Rebuild the projection and the memory index from the log and the tree, and the vectors of recall by meaning in
    the background. Loses nothing: all are derived.
    """
    here = company(ctx)
    began = time.perf_counter()
    done = here.rebuild()
    what = f"{counted(done.events, 'event')} and {counted(done.files, 'file')}"
    say(f"Told anew from {what}, and indexed what memory recalls, in {time.perf_counter() - began:.1f} s.")
    behind = here.memory.behind
    if behind:
        say(f"{counted(behind, 'vector')} to be made in the background; `aios memory refresh` waits for them.")
