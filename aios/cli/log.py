"""`aios log`: the event log."""

from __future__ import annotations

from typing import Any

import click

from aios.cli.output import company, emit_json, json_option


@click.command(epilog="Example: aios log --record content/pricing-page-teardown --changes")
@click.option("--record", default="", metavar="REF", help="Only events that touch this record, e.g. customers/acme.")
@click.option("--run", "run", default="", metavar="ID", help="Only events of this run.")
@click.option("--actor", default="", help="Only this actor: operator, agent:writer, connector:site …")
@click.option("--event", "event_type", default="", help="Only this type, e.g. content.published.")
@click.option("--since", default="", metavar="DATE", help="Not before this date or time (ISO 8601).")
@click.option("--until", default="", metavar="DATE", help="Not after this date or time (ISO 8601).")
@click.option("--limit", "-n", default=50, show_default=True, help="At most this many events.")
@click.option("--changes", is_flag=True, help="Show the fields that each event changed.")
@json_option
@click.pass_context
def command(
    ctx: click.Context,
    record: str,
    run: str,
    actor: str,
    event_type: str,
    since: str,
    until: str,
    limit: int,
    changes: bool,  # noqa: FBT001
    as_json: bool,  # noqa: FBT001
) -> None:
    """Events, newest first: when, what, who, which record."""
    from aios.store.fields import changes_in_words
    from aios.store.log import LogFilter, newest_events

    here = company(ctx)
    wanted = LogFilter(
        record=record,
        run=here.resolve(run) if run else "",
        actor=actor,
        type=event_type,
        since=since,
        until=until,
    )
    told: list[dict[str, Any]] = []
    for event in newest_events(here.git, here.main, wanted, limit=limit):
        fields = changes_in_words(event, here.git.read_blob) if changes else []
        if as_json:
            told.append(
                {
                    "commit": event.commit,
                    "at": event.at,
                    "types": event.types,
                    "subject": event.subject,
                    "actor": event.actor,
                    "author": event.author,
                    "run": event.trailer("Run"),
                    "records": event.records,
                    "changes": [str(field) for field in fields],
                }
            )
            continue
        title = event.subject.removeprefix(f"{event.type}: ")
        when = click.style(event.at[:16].replace("T", " "), dim=True)
        click.echo(f"{event.commit[:9]} {when} {click.style(event.type, fg='cyan')} {title}  ({event.actor})")
        for field in fields:
            click.echo(f"    {field}")
    if as_json:
        emit_json(told)
