"""`aios diff`: what a proposal changes."""

from __future__ import annotations

import click

from aios.cli.output import company, emit_json, json_option


@click.command(epilog="Example: aios diff pricing-page-teardown --lines")
@click.argument("proposal", metavar="ID")
@click.option("--lines", is_flag=True, help="Also as a line diff, like git's.")
@json_option
@click.pass_context
def command(ctx: click.Context, proposal: str, lines: bool, as_json: bool) -> None:  # noqa: FBT001
    """What the proposal ID changes in this repository: field by field in words, and with --lines as git shows it."""
    from aios.domain.names import branch_of
    from aios.errors import UsageError
    from aios.store.fields import changes_in_words
    from aios.store.log import event_between

    here = company(ctx)
    run = here.resolve(proposal)
    head = here.git.rev(branch_of(run))
    if head is None:
        raise UsageError(f"{run} has no open branch", f"`aios log --run {run} --changes` tells what it changed")
    base = here.git.merge_base(here.main, head) or here.main
    words = changes_in_words(event_between(here.git, base, head), here.git.read_blob)
    if as_json:
        emit_json([{"path": w.path, "field": w.field, "before": w.before, "after": w.after} for w in words])
        return
    path = ""
    for change in words:
        if change.path != path:
            path = change.path
            click.echo(click.style(path, bold=True))
        click.echo(f"  {change}")
    if lines:
        import sys

        colour = "always" if sys.stdout.isatty() else "never"
        click.echo(here.git.run("diff", f"--color={colour}", f"{base}..{head}").decode(errors="replace"))
