"""`aios query`: read-only SQL over the projection."""

from __future__ import annotations

import csv
import sys
from itertools import islice
from typing import TYPE_CHECKING

import click

from aios.cli.output import company, emit_json, json_option, say, table

if TYPE_CHECKING:
    from aios.projections import Projection


@click.command(epilog="Example: aios query \"SELECT id, title, status FROM records WHERE kind = 'content'\"")
@click.argument("sql", required=False)
@click.option("--csv", "as_csv", is_flag=True, help="Comma-separated values.")
@click.option("--tables", is_flag=True, help="List the tables and their columns.")
@click.option("--limit", default=1000, show_default=True, help="At most this many rows.")
@json_option
@click.pass_context
def command(ctx: click.Context, sql: str | None, as_csv: bool, tables: bool, limit: int, as_json: bool) -> None:  # noqa: FBT001
    """Ask in read-only SQL: records, events, field_changes, runs, work, steps, effects, questions and metrics."""
    here = company(ctx)
    if tables or not sql:
        _describe(as_json=as_json)
        return
    if as_csv and not as_json:
        _write_csv(here.projection, sql, limit=limit)
        return
    rows = here.projection.query(sql, limit=limit)
    named = [dict(zip(rows.columns, row, strict=True)) for row in rows.rows]
    if rows.more:
        say(f"… more than {limit} rows; --limit shows more")
    if as_json:
        emit_json(named)
    else:
        table(named, rows.columns)


def _write_csv(projection: Projection, sql: str, *, limit: int) -> None:
    """Row by row: however many there are, they need not fit into memory."""
    from aios.cli.terminal import as_it_is

    with projection.stream(sql) as told:
        writer = csv.writer(sys.stdout if sys.stdout.isatty() else as_it_is())
        writer.writerow(told.columns)
        writer.writerows(islice(told.rows, max(limit, 0)))
        if next(told.rows, None) is not None:
            say(f"… more than {limit} rows; --limit shows more")


def _describe(*, as_json: bool) -> None:
    from aios.projections import TABLES

    if as_json:
        emit_json({name: dict(columns) for name, columns in TABLES.items()})
        return
    for name, columns in TABLES.items():
        click.echo(click.style(name, bold=True))
        for column, meaning in columns.items():
            click.echo(f"  {column:<16} {meaning}")
