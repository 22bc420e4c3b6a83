"""`aios recall`: search memory, sources and content."""

from __future__ import annotations

import re
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from aios.cli.output import company, emit_json, json_option, say
from aios.domain.wording import counted
from aios.errors import UsageError

if TYPE_CHECKING:
    from aios.app import Company
    from aios.domain.memory import Hit
    from aios.memory import Memory


def _a_date(_: click.Context, option: click.Parameter, value: str) -> str:
    if value and not re.fullmatch(r"\d{4}(-\d\d(-\d\d)?)?", value):
        raise UsageError(f"--{option.name} takes a date or the start of one", "2026-03-02, 2026-03 or 2026")
    return value


@click.command(epilog='Example: aios recall "what did customers say about annual billing"')
@click.argument("query")
@click.option("--limit", "-n", default=8, show_default=True, help="At most this many passages.")
@click.option("--kind", "kinds", multiple=True, help="Only this kind: note, source, content, decision …")
@click.option("--trust", multiple=True, type=click.Choice(["operator", "derived", "external"]), help="Only so marked.")
@click.option("--run", default="", help="Only what this run wrote.")
@click.option("--record", default="", help="Only this record, and what refers to it: customers/acme.")
@click.option(
    "--since", default="", callback=_a_date, help="Only what was made on this date or later: 2026-03-02, 2026-03, 2026."
)
@click.option("--until", default="", callback=_a_date, help="Only what was made on this date or before.")
@click.option("--at", "commit", default="", help="As of this past commit.")
@click.option("--tokens", default=0, help="At most about so many tokens of text together.")
@json_option
@click.pass_context
def command(  # noqa: PLR0913, PLR0917 - one per option
    ctx: click.Context, query: str, limit: int, kinds: tuple[str, ...], trust: tuple[str, ...], run: str, record: str,
    since: str, until: str, commit: str, tokens: int, as_json: bool,  # noqa: FBT001
) -> None:  # fmt: skip
    """The best passages for QUERY, with where each comes from, why it was found, and who stands behind it."""
    from aios.domain.memory import Among
    from aios.domain.record import Trust

    here = company(ctx)
    now = here.clock().strftime("%Y-%m-%dT%H:%M:%SZ")
    among = Among(frozenset(Trust(each) for each in trust), run, record, since, until)
    at = here.git.rev(commit or here.main)
    if not at:
        raise UsageError(f"there is no commit {commit or here.main}", "`git log` lists them")
    tree = here.tree(at)
    memory = here.past_memory if commit else here.memory
    hits = memory.recall(tree, query, limit=limit, kinds=kinds, among=among, now=now, tokens=tokens)
    _tell_of_meaning(here, memory)
    if as_json:
        emit_json([{**asdict(hit), "commit": at} for hit in hits])
        return
    if not hits:
        say("Nothing fits. Other words may help; `aios query --tables` shows what can be asked in SQL.")
    if hits and hits[0].weak:
        say("None of these holds much of what was asked: there may be no answer to it.")
    for hit in hits:
        _show(hit)
    if hits:
        say(f"as of {at[:10]}")


def _tell_of_meaning(here: Company, memory: Memory) -> None:
    """What recall by meaning lacks: why it is not there, once; and that it is on its way."""
    missing = memory.without_meaning
    if missing is not None:
        said = f"recall is by words alone: {missing.message}"
        if not here.told_once(said):
            say(f"{said}\nhint: {missing.hint}" if missing.hint else said)
    elif memory.behind:
        failed = here.background_failure()
        why = f"their making failed ({failed})" if failed else "they are made in the background"
        say(f"{counted(memory.behind, 'passage')} without a vector yet; {why}, `aios memory refresh` waits for it")


def _show(hit: Hit) -> None:
    lines = f"{hit.line}–{hit.last_line}" if hit.last_line > hit.line else str(hit.line)
    click.echo(f"{click.style(hit.title, bold=True)}  {hit.path}:{lines}")
    click.echo(f"  {' '.join(hit.text.split())[:300]}")
    facts = [hit.why, f"trust: {hit.trust.value}"] + [fact for fact in (hit.created[:10], hit.run) if fact]
    click.echo(click.style(f"  {'; '.join(facts[:2])}{''.join(f', {fact}' for fact in facts[2:])}", dim=True))
