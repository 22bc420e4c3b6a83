"""`aios runs`: where every run stands."""

from __future__ import annotations

import click

from aios.cli.output import company, emit_json, json_option, table


@click.command(epilog="Example: aios runs --all --json")
@click.option("--all", "everything", is_flag=True, help="Also those that are over.")
@click.option("--limit", "-n", default=50, show_default=True, help="At most this many of those that are over.")
@json_option
@click.pass_context
def command(ctx: click.Context, everything: bool, limit: int, as_json: bool) -> None:  # noqa: FBT001
    """Every open run with where it stands and why."""
    here = company(ctx)
    rows = [
        {
            "id": item.id,
            "run": item.run.rpartition("/")[0],
            "status": item.kind,
            "why": item.title,
            "since": item.since,
            "next": item.command,
        }
        for item in here.inbox()
    ]
    open_now = {row["id"] for row in rows}
    if everything:
        told = here.projection.query(
            "SELECT run, status, finished, started FROM runs ORDER BY started DESC, run", limit=limit + len(rows)
        )
        for run, status, finished, started in told.rows:
            name, _, ulid = str(run).rpartition("/")
            if ulid not in open_now:
                rows.append(
                    {"id": ulid, "run": name, "status": status, "why": "", "since": finished or started, "next": ""}
                )
    if as_json:
        emit_json(rows)
    else:
        table(rows, ("id", "run", "status", "why", "since", "next"))
