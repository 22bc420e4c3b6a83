"""`aios status`: the company at a glance."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import click

from aios.cli.output import company, emit_json, json_option


def _spent(when: str, span: Mapping[str, Any]) -> str:
    usd = f" of {span['limit_usd']:.2f}" if span["limit_usd"] is not None else ""
    tokens = f" of {span['limit_tokens']:,}" if span["limit_tokens"] is not None else ""
    return f"{when} {span['usd']:.2f}{usd} USD, {span['tokens']:,}{tokens} tokens"


@click.command(epilog="Example: aios status")
@json_option
@click.pass_context
def command(ctx: click.Context, as_json: bool) -> None:  # noqa: FBT001
    """What waits, what runs, whether effects may go out, what happened last."""
    here = company(ctx)
    items = here.inbox()
    counts = Counter(item.kind for item in items)
    kinds = here.projection.query("SELECT kind, count(*) FROM records GROUP BY kind ORDER BY 2 DESC, 1").rows
    last = here.projection.query("SELECT at, type, subject FROM events ORDER BY seq DESC", limit=3).rows
    paused = here.paused()
    costs = here.model_costs()
    if as_json:
        emit_json(
            {
                "company": str(here.root),
                "branch": here.main,
                "waiting": dict(counts),
                "outgoing": paused or "live",
                "records": dict(kinds),
                "models": costs,
                "last": [{"at": at, "type": kind, "subject": subject} for at, kind, subject in last],
            }
        )
        return
    needs = sum(1 for item in items if item.needs_you)
    record = here.company_record()
    click.echo(f"{click.style(str(record.get('name')) if record else here.root.name, bold=True)}  {here.root}")
    click.echo(f"  waits for you   {needs or 'nothing'}{' (`aios inbox`)' if needs else ''}")
    for kind, count in counts.items():
        click.echo(f"    {kind:<12}  {count}{' (waits for its time)' if kind == 'timer' else ''}")
    click.echo(
        f"  effects         {click.style('stopped: ' + paused, fg='red') if paused else 'allowed after approval'}"
    )
    click.echo(f"  records         {', '.join(f'{count} {kind}' for kind, count in kinds) or 'none'}")
    if costs:
        click.echo(f"  models          {_spent('today', costs['today'])}; {_spent('this month', costs['month'])}")
        cache = costs["cache"]
        if cache["hits"]:
            said = f"the cache answered {cache['hits']} of {cache['calls']} calls this month"
            click.echo(f"                  {said}: {cache['saved_usd']:.2f} USD saved")
        if costs["unpriced"]:
            click.echo(
                f"                  no price is known for {', '.join(costs['unpriced'])}: counted in tokens only"
            )
    for at, _, subject in last:
        click.echo(f"  last            {str(at)[:16].replace('T', ' ')}  {str(subject)[:80]}")
