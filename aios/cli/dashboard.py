"""`aios dashboard`: the company as static pages."""

from __future__ import annotations

from pathlib import Path

import click

from aios.cli.output import company, emit_json, json_option, say


@click.command(epilog="Example: aios dashboard && xdg-open .aios/dashboard/index.html")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="The folder (default: .aios/dashboard).")
@click.option("--events", type=click.IntRange(0), default=2000, show_default=True, help="Newest events on its log.")
@json_option
@click.pass_context
def command(ctx: click.Context, out: Path | None, events: int, as_json: bool) -> None:  # noqa: FBT001
    """Write the company as static pages: what waits, runs with their traces, records, content and its readers,
    decisions, memory with a search, connectors, cost, and the event log with what each event changed.

    They work from the disk and from any server, and load nothing from elsewhere. Whoever can read them can read your
    company: publish them only where that is meant. Prints the first page.
    """
    from aios.app.pages import source_of
    from aios.dashboard.site import build

    here = company(ctx, quiet=True)
    root = out or here.local / "dashboard"
    built = build(source_of(here, events=events), root)
    say(f"{built.pages} pages, {built.changed} files written, {built.removed} removed")
    if as_json:
        emit_json({"index": str(root / "index.html"), "pages": built.pages, "changed": built.changed})
    else:
        click.echo(root / "index.html")
