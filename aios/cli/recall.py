"""`aios recall`: search memory, sources and content."""

from __future__ import annotations

from dataclasses import asdict

import click

from aios.cli.output import company, emit_json, json_option, say


@click.command(epilog='Example: aios recall "what did customers say about annual billing"')
@click.argument("query")
@click.option("--limit", "-n", default=8, show_default=True, help="At most this many passages.")
@click.option("--kind", "kinds", multiple=True, help="Only this kind: note, source, content, decision …")
@json_option
@click.pass_context
def command(ctx: click.Context, query: str, limit: int, kinds: tuple[str, ...], as_json: bool) -> None:  # noqa: FBT001
    """The best passages for QUERY, with where each comes from, why it was found, and who stands behind it."""
    here = company(ctx)
    now = here.clock().strftime("%Y-%m-%dT%H:%M:%SZ")
    hits = here.recall(here.tree(), query, limit, kinds, now)
    if as_json:
        emit_json([asdict(hit) for hit in hits])
        return
    if not hits:
        say("Nothing found. Other words may help; `aios query --tables` shows what can be asked in SQL.")
    for hit in hits:
        click.echo(f"{click.style(hit.title, bold=True)}  {hit.path}:{hit.line}")
        click.echo(f"  {' '.join(hit.text.split())[:300]}")
        click.echo(
            click.style(
                f"  {hit.why}; trust: {hit.trust.value}{', ' + hit.created[:10] if hit.created else ''}", dim=True
            )
        )
