"""`aios doctor`: is everything there that aios needs, and what to do where it is not."""

from __future__ import annotations

from dataclasses import asdict

import click

from aios.cli.output import emit_json, json_option
from aios.errors import Exit

MARKS = {"ok": ("✓", "green"), "warning": ("!", "yellow"), "error": ("✗", "red")}


@click.command(epilog="Example: aios doctor --json")
@json_option
@click.pass_context
def command(ctx: click.Context, as_json: bool) -> int:  # noqa: FBT001
    """Check git, Python, the company, its settings, connectors, the disk and what is left of interrupted work."""
    from pathlib import Path

    from aios.diagnosis import examine

    results = list(examine(Path(ctx.obj["root"] or ".")))
    if as_json:
        emit_json([asdict(result) for result in results])
    else:
        for result in results:
            mark, colour = MARKS[result.state]
            click.echo(f"{click.style(mark, fg=colour)} {result.what:<12} {result.says}")
            if result.hint:
                click.echo(f"  {'':<12} hint: {result.hint}")
    return Exit.FAILED if any(result.state == "error" for result in results) else Exit.OK
