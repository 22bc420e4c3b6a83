"""`aios recall`: search memory, sources and content."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import asdict
from datetime import date
from typing import TYPE_CHECKING

import click

from aios.cli.output import commit_named, company, emit_json, json_option, say
from aios.domain.wording import counted
from aios.errors import UsageError

if TYPE_CHECKING:
    from aios.app import Company
    from aios.domain.memory import Hit
    from aios.domain.tree import Tree
    from aios.memory import Memory


def _a_date(_: click.Context, option: click.Parameter, value: str) -> str:
    if value and not _starts_a_date(value):
        raise UsageError(f"--{option.name} takes a date or the start of one", "2026-03-02, 2026-03 or 2026")
    return value


def _starts_a_date(text: str) -> bool:
    if not re.fullmatch(r"\d{4}(-\d\d(-\d\d)?)?", text):
        return False
    with suppress(ValueError):
        date.fromisoformat(text + "0000-01-01"[len(text) :])
        return True
    return False


@click.command(epilog='Example: aios recall "what did customers say about annual billing"')
@click.argument("query")
@click.option("--limit", "-n", type=click.IntRange(1), default=8, show_default=True, help="At most this many passages.")
@click.option("--kind", "kinds", multiple=True, help="Only this kind: note, source, content, decision …")
@click.option("--trust", multiple=True, type=click.Choice(["operator", "derived", "external"]), help="Only so marked.")
@click.option("--run", default="", help="Only what this run wrote: its id, or a part of it.")
@click.option("--record", default="", help="Only this record, and what refers to it: customers/acme.")
@click.option(
    "--since", default="", callback=_a_date, help="Only what was made on this date or later: 2026-03-02, 2026-03, 2026."
)
@click.option("--until", default="", callback=_a_date, help="Only what was made on this date or before.")
@click.option("--at", "commit", default="", help="As of this past commit.")
@click.option("--tokens", type=click.IntRange(1), help="At most about so many tokens of text together.")
@json_option
@click.pass_context
def command(  # noqa: PLR0913, PLR0917 - one per option
    ctx: click.Context, query: str, limit: int, kinds: tuple[str, ...], trust: tuple[str, ...], run: str, record: str,
    since: str, until: str, commit: str, tokens: int | None, as_json: bool,  # noqa: FBT001
) -> None:  # fmt: skip
    """The best passages for QUERY, with where each comes from, why it was found, and who stands behind it."""
    from aios.domain.memory import Among
    from aios.domain.record import Trust
    from aios.memory.words import query_words

    if not query_words(query):
        raise UsageError("there is no word in the query", 'aios recall "what did customers say about annual billing"')
    shorter = min(len(since), len(until))
    if since[:shorter] > until[:shorter]:
        raise UsageError(f"nothing is made since {since} and until {until}", "--since comes first, then --until")
    here = company(ctx)
    now = here.clock().strftime("%Y-%m-%dT%H:%M:%SZ")
    wrote = here.resolve(run) if run else ""
    among = Among(frozenset(Trust(each) for each in trust), wrote, record, since, until)
    at = commit_named(here, commit)
    tree = here.tree(at)
    memory = here.past_memory if commit else here.memory
    hits = memory.recall(tree, query, limit=limit, kinds=kinds, among=among, now=now, tokens=tokens or 0)
    if not hits:
        _refuse_what_is_not_there(memory, tree, kinds, record)
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


def _refuse_what_is_not_there(memory: Memory, tree: Tree, kinds: tuple[str, ...], record: str) -> None:
    """Nothing was found: is it because a name is mistyped?"""
    known = memory.kinds(tree) if kinds else frozenset[str]()
    for kind in kinds:
        if kind not in known:
            raise UsageError(f"memory holds nothing of kind `{kind}`", f"it holds {', '.join(sorted(known))}")
    if record and not memory.refers_to(tree, record):
        raise UsageError(f"memory holds no record `{record}`, and nothing refers to it", "named as in customers/acme")


def _tell_of_meaning(here: Company, memory: Memory) -> None:
    """What recall by meaning lacks: why it is not there, once; and that it is on its way."""
    missing = memory.without_meaning
    if missing is not None:
        said = f"recall is by words alone: {missing.message}"
        if not here.told_once(said):
            say(f"{said}\nhint: {missing.hint}" if missing.hint else said)
    elif memory.behind:
        failed = here.background.failure()
        why = f"their making failed ({failed})" if failed else "they are made in the background"
        say(f"{counted(memory.behind, 'passage')} without a vector yet; {why}, `aios memory refresh` waits for it")


def _show(hit: Hit) -> None:
    lines = f"{hit.line}–{hit.last_line}" if hit.last_line > hit.line else str(hit.line)
    click.echo(f"{click.style(hit.title, bold=True)}  {hit.path}:{lines}")
    click.echo(f"  {' '.join(hit.text.split())[:300]}")
    facts = [hit.why, f"trust: {hit.trust.value}"] + [fact for fact in (hit.created[:10], hit.run) if fact]
    click.echo(click.style(f"  {'; '.join(facts[:2])}{''.join(f', {fact}' for fact in facts[2:])}", dim=True))
