"""`aios runs`: where every run stands."""

from __future__ import annotations

from typing import Any

import click

from aios.cli.output import company, emit_json, json_option, table


@click.command(epilog="Example: aios runs --all --json")
@click.option("--all", "everything", is_flag=True, help="Also those that are over.")
@click.option("--limit", "-n", default=50, show_default=True, help="At most this many of those that are over.")
@json_option
@click.pass_context
def command(ctx: click.Context, everything: bool, limit: int, as_json: bool) -> None:  # noqa: FBT001
    """Every open run with where it stands, why, and what models cost it."""
    here = company(ctx)
    rows: list[dict[str, Any]] = [
        {
            "id": item.id,
            "run": item.run.rpartition("/")[0],
            "status": item.kind,
            "why": item.title,
            "since": item.since,
            "usd": item.usd,
            "tokens": item.tokens,
            "next": item.command,
        }
        for item in here.inbox()
        if item.run
    ]
    open_now = {row["id"] for row in rows}
    if everything:
        told = here.projection.query(
            "SELECT run, status, finished, started, usd, tokens FROM runs ORDER BY started DESC, run",
            limit=limit + len(rows),
        )
        for run, status, finished, started, usd, tokens in told.rows:
            name, _, ulid = str(run).rpartition("/")
            if ulid not in open_now:
                since = finished or started
                row = {"id": ulid, "run": name, "status": status, "why": "", "since": since}
                rows.append({**row, "usd": usd or 0.0, "tokens": tokens or 0, "next": ""})
    if as_json:
        emit_json(rows)
    else:
        shown = [{**row, "cost": f"{row['usd']:.2f} USD" if row["tokens"] else ""} for row in rows]
        table(shown, ("id", "run", "status", "why", "since", "cost", "next"))
