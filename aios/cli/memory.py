"""`aios memory`: what memory holds, and keeping it small without losing anything."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from aios.cli.output import company, emit_json, json_option, say, table
from aios.domain.wording import counted
from aios.errors import Exit

if TYPE_CHECKING:
    from aios.app import Company


@click.group(epilog="Example: aios memory compact --dry-run")
def command() -> None:
    """What memory holds, how it is doing, and keeping it small without losing anything."""


@command.command("health", epilog="Example: aios memory health --json")
@json_option
@click.pass_context
def health_command(ctx: click.Context, as_json: bool) -> int:  # noqa: FBT001
    """What is stale, unused, there twice, contradicting itself, or no longer found by your golden queries.

    Golden queries are yours: memory/golden.yaml. Exit code 1 where there is something to look at.
    """
    from aios.runs.compacting import due_now
    from aios.runs.memory_health import health

    here = company(ctx)
    due = sum(len(group.notes) for group in due_now(here.context))
    now = here.context.now()
    found = health(here.tree(), lambda tree, query, limit: here.recall(tree, query, limit, (), now), now=now)
    if as_json:
        emit_json({**found.as_dict(), "due": due})
    else:
        click.echo(f"{counted(found.notes, 'note')}, {counted(found.summaries, 'summary', 'summaries')} among them")
        ages = [(kind, year, n) for kind, years in found.ages.items() for year, n in years.items()]
        rows = [{"kind": kind, "year": year, "notes": number} for kind, year, number in ages]
        table(rows, ("kind", "year", "notes"))
        if found.golden:
            click.echo(f"golden queries: {found.found} of {len(found.golden)} find their answer")
        else:
            click.echo("golden queries: none (memory/golden.yaml)")
        if found.unused:
            click.echo(f"no run on record used {counted(len(found.unused), 'note')}, such as {found.unused[0]}")
        if due:
            click.echo(f"{counted(due, 'note')} may be folded: `aios memory compact` proposes it")
        for finding in found.findings:
            click.echo(str(finding))
    return Exit.FINDINGS if found.findings else Exit.OK


@command.command("compact", epilog="Example: aios memory compact --dry-run")
@click.option("--dry-run", is_flag=True, help="Only say what would be folded.")
@click.pass_context
def compact_command(ctx: click.Context, dry_run: bool) -> int:  # noqa: FBT001
    """Propose to fold old notes into summaries, as memory/policy.yaml says.

    Nothing goes before you approve it; a folded note leaves its name and its places, and `aios memory restore` brings
    it back. Typed again, it goes on where it was interrupted, or shows what waits.
    """
    from aios.cli.standing import exit_code, report
    from aios.runs.compacting import begin, require_policy
    from aios.runs.conductor import carry_on

    here = company(ctx)
    require_policy(here.context)
    if dry_run:
        _would_fold(here)
        return Exit.OK
    standing = carry_on(here.context, begin(here.context, here.trigger()))
    report(standing)
    return exit_code(standing)


def _would_fold(here: Company) -> None:
    from aios.runs.compacting import due_now

    groups = due_now(here.context)
    for group in groups:
        click.echo(f"{group.path}  {counted(len(group.notes), 'note')}, {group.why}")
    total = sum(len(group.notes) for group in groups)
    say(f"{counted(total, 'note')} would be folded into {len(groups)}" if groups else "nothing is due")


@command.command("show", epilog="Example: aios memory show memory/research/pricing-q1.md")
@click.argument("path")
@click.pass_context
def show_command(ctx: click.Context, path: str) -> None:
    """A note as it is, or as it last was, and what stands for it now."""
    from aios.runs.restoring import last_text, summary_of

    here = company(ctx)
    text = last_text(here.context, path)
    summary = summary_of(here.context, path)
    if summary:
        say(f"folded into {summary}; `aios memory restore {path}` brings it back")
    click.echo(text, nl=not text.endswith("\n"))


@command.command("restore", epilog="Example: aios memory restore memory/research/pricing-q1.md")
@click.argument("path")
@click.pass_context
def restore_command(ctx: click.Context, path: str) -> None:
    """Bring a folded note back, to be kept whole from now on."""
    from aios.runs.restoring import restore

    commit = restore(company(ctx).context, path)
    say(f"{path} is back ({commit[:10]}); it is not folded again")


@command.command("verify", epilog="Example: aios memory verify")
@click.option("--at", "commit", default="", help="A past commit; main's tip where nothing is said.")
@click.pass_context
def verify_command(ctx: click.Context, commit: str) -> int:
    """Is the index of recall exactly what the files say? Every file is read anew. Exit code 1 where it is not."""
    here = company(ctx)
    found = here.memory.verify(here.tree(commit))
    for line in found:
        click.echo(line)
    say("the index holds exactly what the files say" if not found else f"{counted(len(found), 'difference')}")
    return Exit.FINDINGS if found else Exit.OK
