"""`aios doctor`: is everything there that aios needs, and what to do where it is not."""

from __future__ import annotations

from dataclasses import asdict

import click

from aios.cli.output import emit_json, json_option
from aios.errors import Exit

MARKS = {"ok": ("✓", "green"), "warning": ("!", "yellow"), "error": ("✗", "red")}


@click.command(epilog="Example: aios doctor --json")
@click.option("--github", "github", is_flag=True, help="Check what aios needs on GitHub instead.")
@json_option
@click.pass_context
def command(ctx: click.Context, github: bool, as_json: bool) -> int:  # noqa: FBT001
    """Check git, Python, the company, its settings, connectors, the disk and what is left of interrupted work.

    With --github: token, repository, settings, workflow files, secrets, protection, Pages, schedules, minutes.
    """
    from pathlib import Path

    from aios.diagnosis import examine
    from aios.diagnosis.github import examine_github

    results = list((examine_github if github else examine)(Path(ctx.obj["root"] or ".")))
    if as_json:
        emit_json([asdict(result) for result in results])
    else:
        for result in results:
            mark, colour = MARKS[result.state]
            click.echo(f"{click.style(mark, fg=colour)} {result.what:<12} {result.says}")
            if result.hint:
                click.echo(f"  {'':<12} hint: {result.hint}")
    return Exit.FAILED if any(result.state == "error" for result in results) else Exit.OK
